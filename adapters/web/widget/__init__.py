"""The widget's sources, and how to tell whether what is served was built from them.

What is served is `static/widget.js`, built and committed, so that nobody needs Node to run the
bridge. Its first line carries the digest of the sources it was built from.
"""

import gzip
import hashlib
from pathlib import Path

SOURCES = Path(__file__).parent
BUILT = SOURCES.parent / "static" / "widget.js"

BUDGET = 15_000
"""Bytes of everything the widget is, packed by gzip at its best level."""

_KINDS = {".js", ".mjs", ".css"}


def sources() -> list[Path]:
    """Return every file the built one depends on, tools' versions included."""
    found = [path for path in SOURCES.iterdir() if path.suffix in _KINDS]
    found += [*SOURCES.glob("styles/*.css"), *SOURCES.glob("texts/*.json")]
    return sorted([*found, SOURCES / "package-lock.json"])


def digest() -> str:
    """Return a short digest of the names and contents of all sources."""
    seen = hashlib.sha256()
    for path in sources():
        name = path.relative_to(SOURCES).as_posix()
        seen.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return seen.hexdigest()[:16]


def packed_size(script: bytes) -> int:
    """Return how many bytes of a script go over the wire."""
    return len(gzip.compress(script, 9, mtime=0))
