"""The widget's files, read and packed once at start and served from memory.

They are public and the same for everybody, so any site may load them; a browser asks again after
five minutes and mostly hears that nothing changed.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

FOLDER = Path(__file__).parent / "static"

PUBLIC = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
    "Vary": "Accept-Encoding",
}

TEXTS = frozenset({"text/javascript", "text/css", "text/html", "image/svg+xml", "application/json"})


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and packed; `tag` changes with its bytes."""

    media_type: str
    plain: bytes
    packed: bytes
    tag: str


def load(folder: Path = FOLDER) -> dict[str, Asset]:
    """Return the files of a folder by their names."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path.name: _asset(path) for path in found if path.is_file()}


def _asset(path: Path) -> Asset:
    plain = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    # What the machine's tables say of scripts differs; the standard says this (RFC 9239).
    media_type = "text/javascript" if path.suffix in {".js", ".mjs"} else media_type
    packed = gzip.compress(plain, 9, mtime=0)
    return Asset(media_type, plain, packed, hashlib.sha256(plain).hexdigest()[:20])


class Assets:
    """Serves the files."""

    def __init__(self, assets: dict[str, Asset]) -> None:
        self._assets = assets

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each file; nothing else can be reached."""
        return [web.get(f"/{name}", self._serve) for name in self._assets]

    async def _serve(self, request: web.Request) -> web.Response:
        asset = self._assets[request.path.removeprefix("/")]
        packs = asset.media_type in TEXTS and _takes_gzip(request)
        tag = f'"{asset.tag}{"-gz" if packs else ""}"'
        headers = {**PUBLIC, "ETag": tag}
        if tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=headers)
        charset = "; charset=utf-8" if asset.media_type in TEXTS else ""
        headers["Content-Type"] = asset.media_type + charset
        if packs:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=asset.packed if packs else asset.plain, headers=headers)


def _takes_gzip(request: web.Request) -> bool:
    """Whether the browser takes gzip; nobody who does says so with a weight of nothing."""
    return "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
