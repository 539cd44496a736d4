"""The headers that nobody should have to remember, and plain answers written in one piece."""

from collections.abc import MutableMapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time

NAME = "handoff-bridge"
"""What the server calls itself; versions are nobody's business."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    hdrs.CACHE_CONTROL: "no-store",
}
"""Headers of every answer that does not bring its own."""

MOST_HEADS = 256
"""Heads that are remembered: about a dozen, and as many for each site whose pages may ask."""

_heads: dict[tuple[object, ...], bytes] = {}


async def careful(request: web.Request, response: web.StreamResponse) -> None:
    """Give an answer that is being prepared the headers of every answer."""
    del request
    _complete(response.headers)


def _complete(headers: MutableMapping[str, str]) -> None:
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    headers[hdrs.SERVER] = NAME


def whole(response: web.StreamResponse) -> bytes | None:
    """Return a plain answer as the bytes of HTTP/1.1 (RFC 9112), or None when it is not plain.

    Plain is what has its whole body at hand and leaves the connection open.
    """
    if type(response) is not web.Response or response.prepared or response.keep_alive is False:
        return None
    body = response.body
    if not (body is None or isinstance(body, bytes)) or response.cookies or response.compression:
        return None
    key = (response.status, *response.headers.items())
    head = _heads.get(key)
    if head is None:
        if len(_heads) >= MOST_HEADS:
            _heads.clear()
        head = _heads[key] = _head(response)
    date = rfc822_formatted_time().encode()
    if response.status == HTTPStatus.NO_CONTENT:
        return b"%bDate: %b\r\n\r\n" % (head, date)
    return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        head,
        date,
        len(body or b""),
        body or b"",
    )


def _head(response: web.Response) -> bytes:
    headers = response.headers.copy()
    _complete(headers)
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *map(": ".join, headers.items())]
    if any(set(line) & set("\r\n\0") for line in lines):
        raise ValueError("a header holds a line break")
    return ("\r\n".join(lines) + "\r\n").encode()
