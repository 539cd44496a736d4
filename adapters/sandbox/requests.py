"""What the desk's page sends, read and checked: every refusal names the field and the mend.

Only the page itself is served. A call must name a host of ours (so that a foreign name that points
here reads nothing) and, to change anything, carry a header that no foreign page can send.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import NoReturn
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from adapters.problems import EXPECTED, Problem, problem_of
from adapters.sandbox.markup import clean
from adapters.sandbox.rows import Json

HEADER = "X-Handoff-Desk"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

MAX_BODY = 64 * 1024
MAX_REPLY = 8000
_DIGITS = 18  # what always fits into an integer column

UNREADABLE = (web.RequestPayloadError, web.PayloadAccessError, BadHttpMessage)
"""What aiohttp raises when a body breaks off or is not encoded as it says."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(
    handler: Handler, hosts: frozenset[str], check: Callable[[web.Request], None] | None = None
) -> Handler:
    """Return the handler behind the checks that every call must pass: the host, and `check`."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            _check_host(request, hosts)
            if check is not None:
                check(request)
            return await handler(request)
        except EXPECTED as error:
            return problem_of(error).response()

    return answer


def _check_host(request: web.Request, hosts: frozenset[str]) -> None:
    if _host_name(f"//{request.host}") not in hosts:
        raise Problem(403, "Open the page under the address that was printed at start.")


def from_our_page(request: web.Request) -> None:
    """Raise a `Problem` unless the call comes from a page of ours."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        raise Problem(403, "Only the desk's own page may call this.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Problem(403, "Only the desk's own page may call this.")
    if request.method not in {"GET", "HEAD"} and HEADER not in request.headers:
        raise Problem(403, f"Send the header {HEADER}: 1 with every change.")


def _host_name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def read_json(request: web.Request) -> Json:
    """Return the body's JSON object."""
    if request.content_type != "application/json":
        raise Problem(415, "Send the body as application/json.")
    try:
        body = _decoder.decode((await read_bytes(request)).decode())
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Problem(422, "The body must be a JSON object.")
    return body


def _once_each(pairs: list[tuple[str, object]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _constant(word: str) -> NoReturn:
    raise ValueError(word)


_decoder = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_constant)


async def read_bytes(request: web.Request) -> bytes:
    """Return the body, up to the limit."""
    body = bytearray()
    try:
        async for chunk in request.content.iter_chunked(MAX_BODY):
            body += chunk
            if len(body) > MAX_BODY:
                raise Problem(413, f"The body is over {MAX_BODY} bytes.")
    except UNREADABLE as error:
        raise Problem(400, f"The body cannot be read: {type(error).__name__}.") from None
    return bytes(body)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one body, each asked for by name."""

    values: Mapping[str, object]

    def only(self, *names: str) -> None:
        """Refuse a field that nobody asked for."""
        for name in self.values:
            if name not in names:
                known = ", ".join(names)
                raise Problem(422, f"There is no field {name!r}. Known: {known}.", field=name)

    def text(self, name: str, *, needed: bool = True, limit: int = MAX_REPLY) -> str:
        """Return a text field without what cannot be shown."""
        value = self.values.get(name, "")
        if not isinstance(value, str):
            raise Problem(422, f"{name} must be a text.", field=name)
        text = clean(value)
        if needed and not text:
            raise Problem(422, f"{name} must not be empty.", field=name)
        if len(text) > limit:
            raise Problem(422, f"{name} may have {limit} characters at most.", field=name)
        return text

    def flag(self, name: str) -> bool:
        """Return a yes or no; absent means no."""
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise Problem(422, f"{name} must be true or false.", field=name)
        return value


def cursor_of(text: str, name: str) -> int:
    """Return the number of the last change a page has seen."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Problem(422, f"{name} must be a whole number, in digits.", field=name)
    return int(text)


def number_of(text: str, name: str) -> int:
    """Return the number of a thread or a post as it stands in an address."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Problem(404, f"There is no {name} {text[:40]!r}.", field=name)
    return int(text)
