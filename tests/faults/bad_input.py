"""What a row of the table of bad requests is, and how it is sent.

A name in angle brackets, such as <token>, stands for what the running house knows under it. Every
word a customer or teammate says in a row is or holds CANARY, which must be in no line of the log.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from tests.faults.composed import House

CANARY = "swordfish"

Sign = Callable[[bytes], dict[str, str]]
NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class Row:
    """One bad request, and the exact answer.

    `detail` is the whole of it. `sent` is a JSON value, or bytes; `raw` is everything that goes
    over the wire, when no client would send such a thing. `target` is where it is sent to, when
    that is not the route's own path. `method` is another one than the route's. `bare` leaves out
    the right to make the call. `plain` is an answer in text, as Slack is given.
    """

    route: str
    what: str
    status: int
    detail: str
    sent: Any = NOTHING
    headers: Mapping[str, str | None] = field(default_factory=dict)
    target: str = ""
    bare: bool = False
    sign: Sign | None = None
    raw: bytes = b""
    method: str = ""
    plain: bool = False

    @property
    def id(self) -> str:
        """How the test is called."""
        return f"{self.route} {self.what}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    body: bytes


def bad(what: str, status: int, detail: str, sent: Any = NOTHING, **more: Any) -> Row:
    """Return a row without its route."""
    return Row("", what, status, detail, sent, **more)


def at(route: str, *rows: Row) -> list[Row]:
    """Return the rows of one route."""
    return [replace(row, route=route) for row in rows]


def named(house: House, text: str) -> str:
    """Return a text with the names in it replaced."""
    for name, value in house.names.items():
        text = text.replace(f"<{name}>", value)
    return text


def body_of(house: House, sent: Any) -> bytes | None:
    """Return the bytes of a body, or None when there is none."""
    if sent is NOTHING:
        return None
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    if len(raw) < 10_000:
        raw = named(house, raw.decode("latin-1")).encode("latin-1")
    return bytes(raw)


async def send(house: House, row: Row, rights: dict[str, str]) -> Answer:
    """Send a row's request; `rights` are the headers by which the call may be made."""
    if row.raw:
        return await send_raw(house, named(house, row.raw.decode("latin-1")).encode("latin-1"))
    own, _, path = row.route.partition(" ")
    method = row.method or own
    body = body_of(house, row.sent)
    headers: dict[str, str | None] = {} if row.bare else dict(rights)
    if body is not None:
        headers["Content-Type"] = "application/json"
    if row.sign is not None:
        headers |= row.sign(body or b"")
    headers |= row.headers
    given = {name: named(house, value) for name, value in headers.items() if value is not None}
    address = house.app.url + named(house, row.target or path)
    skipped = () if "Content-Type" in given else ("Content-Type",)
    async with house.http.request(
        method, _exactly(address), data=_body(body), headers=given, skip_auto_headers=skipped
    ) as answer:
        is_endless = answer.content_type == "text/event-stream"
        return Answer(
            answer.status, answer.content_type, b"" if is_endless else await answer.read()
        )


def _body(body: bytes | None) -> bytes | BytesIO | None:
    """Return a body as the client wants it: a long one as a file, with its length all the same."""
    return BytesIO(body) if body is not None and len(body) > 1 << 20 else body


def _exactly(address: str) -> Any:
    """Return an address that is sent as it is written."""
    from yarl import URL  # noqa: PLC0415 -- of use here only

    return URL(address, encoded=True)


async def send_raw(house: House, raw: bytes) -> Answer:
    """Send bytes over a connection of their own; after the first answer there must be nothing."""
    parts = urlsplit(house.app.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(raw)
        await writer.drain()
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            rest = await reader.read()
    finally:
        writer.close()
    lines = head.decode("latin-1").split("\r\n")
    fields = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:] if line)
    }
    length = int(fields["content-length"])
    assert len(rest) == length, rest
    media_type = fields["content-type"].partition(";")[0]
    return Answer(int(lines[0].split()[1]), media_type, rest[:length])
