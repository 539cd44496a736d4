"""What a file is, by its bytes and not by what its sender says; and names that are safe to show."""

import codecs
import re
import unicodedata

BINARY = "application/octet-stream"
TEXT = "text/plain"

# (offset, bytes, media type): the signatures of the formats' own specifications.
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (4, b"ftyp", "video/mp4"),
)

HEAD = 16
"""Bytes from the beginning that the signatures look at."""

# Everything below space but tab, line feed, form feed and carriage return.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")

LONGEST_NAME = 150
"""Bytes of a file name that every file system and header takes (the usual limit is 255)."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = re.compile(r'[<>:"|?*;]')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")
_LONGEST_ENDING = 16


class Sniffer:
    """Watches a file go by and says what it is: a signature, UTF-8 text, or just bytes.

    Markup is text like any other: it is never called HTML or SVG, so nobody displays it as such.
    """

    def __init__(self) -> None:
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()

    def feed(self, chunk: bytes) -> None:
        """Look at the next piece."""
        if len(self._head) < HEAD:
            self._head += chunk[: HEAD - len(self._head)]
        self._read_text(chunk, final=False)

    def _read_text(self, chunk: bytes, *, final: bool) -> None:
        if self._decoder is None:
            return
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self._decoder = None
            return
        if _CONTROLS.search(text):
            self._decoder = None

    def media_type(self) -> str:
        """Return what it is, after the last piece."""
        found = [kind for at, mark, kind in _SIGNATURES if self._head[at:].startswith(mark)]
        if found:
            return found[0]
        self._read_text(b"", final=True)
        return TEXT if self._decoder is not None else BINARY


def safe_name(name: str) -> str:
    """Return a name without path, control, invisible or direction marks, never empty.

    What systems treat specially (leading dots, device names, streams) is made harmless, and a long
    name keeps its ending.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", _encodable(name)))[-1]
    seen = "".join(mark for mark in last if unicodedata.category(mark) not in _HIDDEN)
    plain = _MARKS.sub("_", seen).strip(" .")
    if not plain:
        return "file"
    return _shortened(f"_{plain}" if _RESERVED.match(plain) else plain)


def _encodable(name: str) -> str:
    return name.encode(errors="ignore").decode()


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > _LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    room = LONGEST_NAME - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + dot + ending
