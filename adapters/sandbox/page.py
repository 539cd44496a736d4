"""The demo page: a small shop with the widget on the left, the sandbox desk on the right.

Everything it needs is served from here. Its policy allows nothing inline and nothing from outside.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from adapters.sandbox.requests import Handler, guarded
from adapters.sandbox.rooms import SandboxSettings

FOLDER = Path(__file__).parent / "page"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    media_type: str
    tag: str


class DemoPage:
    """Serves the page and its parts, read once at start."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._hosts = settings.hosts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the page, and one for each file beside it."""
        assets = {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if _is_asset(path)}
        paths = {f"/demo/{name}": name for name in assets if name != "demo.html"}
        paths |= {"/": "demo.html", "/demo": "demo.html"}
        paths |= {"/demo.js": "demo.js", "/demo.css": "demo.css"}
        return [
            web.get(path, guarded(_serving(assets[name]), self._hosts))
            for path, name in paths.items()
        ]


def _is_asset(path: Path) -> bool:
    return path.suffix in _TYPES


def _read(path: Path) -> _Asset:
    body = path.read_bytes()
    return _Asset(body, _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:20])


def _serving(asset: _Asset) -> Handler:
    """Return the handler that serves one file."""

    async def serve(request: web.Request) -> web.StreamResponse:
        known = {tag.value for tag in request.if_none_match or ()}
        if asset.tag in known:
            answer = web.Response(status=304, headers=_HEADERS)
        else:
            answer = web.Response(body=asset.body, headers=_HEADERS)
            answer.content_type = asset.media_type
            answer.charset = "utf-8"
        answer.etag = asset.tag
        return answer

    return serve
