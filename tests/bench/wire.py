"""HTTP/1.1 as lean as it can be, so that what is measured is the bridge and not the measurer.

A `Connection` is one keep-alive connection with one request at a time; a `Listener` is one open
stream of server-sent events. Both understand what the two bridges send, and nothing else.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TEXT = re.compile(rb'"text": ?"([a-z]\d+-\d+)"')

HOST = "127.0.0.1"


def address_of(number: int) -> str:
    """Return the loopback address a customer comes from: one may not hold many connections."""
    return f"127.1.{number // 250 % 250}.{number % 250 + 1}"


class Connection(asyncio.Protocol):
    """One connection to a bridge, opened with its first request and again after it was closed."""

    def __init__(self, port: int, source: str = HOST) -> None:
        self._port, self._source = port, source
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def _open(self) -> asyncio.Transport:
        loop, local = asyncio.get_running_loop(), (self._source, 0)
        await loop.create_connection(lambda: self, HOST, self._port, local_addr=local)
        if self._transport is None:
            raise ConnectionResetError("closed by the bridge")
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that is open."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed by the bridge"))

    def data_received(self, data: bytes) -> None:
        """Collect one answer."""
        self._buffer += data
        head, parted, body = self._buffer.partition(b"\r\n\r\n")
        if not parted:
            return
        found = LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(body) >= length and self._answer is not None and not self._answer.done():
            self._buffer = b""
            self._answer.set_result((int(head[9:12]), body[:length]))

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request and return its answer's status and body."""
        transport = self._transport or await self._open()
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n"
        self._answer = asyncio.get_running_loop().create_future()
        transport.write(f"{head}{lines}\r\n".encode() + body)
        return await self._answer

    async def call(self, path: str, token: str = "", **fields: Any) -> dict[str, Any]:
        """Post JSON and return what came back; raises RuntimeError unless it was a success."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        status, body = await self.request("POST", path, json.dumps(fields).encode(), headers)
        if status >= 300:
            raise RuntimeError(f"{path}: {status} {body[:300]!r}")
        found: dict[str, Any] = json.loads(body) if body else {}
        return found

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


class Listener(asyncio.Protocol):
    """One open stream; `hear` is called with each word of a numbered text, in order."""

    def __init__(self, path: str, hear: Callable[[str], None]) -> None:
        self._path = path
        self._hear = hear
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.opened = asyncio.Event()

    @classmethod
    async def open(
        cls, port: int, path: str, hear: Callable[[str], None], source: str = HOST
    ) -> "Listener":
        """Open a stream and wait until the bridge has begun to answer."""
        loop = asyncio.get_running_loop()
        _, listener = await loop.create_connection(
            lambda: cls(path, hear), HOST, port, local_addr=(source, 0)
        )
        await listener.opened.wait()
        return listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        head = f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n\r\n"
        transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        """Tell every numbered text of the events that are complete."""
        self._buffer += data
        self.opened.set()
        whole, parted, rest = self._buffer.rpartition(b"\n\n")
        if parted:
            self._buffer = rest
            for word in TEXT.findall(whole):
                self._hear(word.decode())

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()
