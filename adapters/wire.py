"""HTTP/1.1 to one server over connections that are kept: one attempt, and an exact account of it.

Whether a byte of a request left decides whether a post may be sent again, so that is told here and
not guessed from a library's exceptions: `NotSent` is only raised when nothing was written. Nothing
is retried, no redirect followed, nothing decompressed. A ready-made client costs five times the
processor time of an exchange, which is more than all the rest of relaying a message
(docs/performance.md); parsing is llhttp's, connecting aiohappyeyeballs'.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import aiohappyeyeballs
import httptools
from aiohttp.abc import AbstractResolver
from yarl import URL

from adapters.faults import in_words

MOST_OPEN = 512
"""Connections to one server: a rate of 1,000 a second at half a second each."""

IDLE_SECONDS = 15.0
"""An idle connection is used for so long: servers close theirs too, and leave requests in doubt."""

ATTEMPT_DELAY = 0.25
"""Seconds after which the next address is tried beside the last one (RFC 8305, section 8)."""

LARGEST_ANSWER = 32 << 20
INTERIM = 200
"""Answers below this status announce another one (RFC 9110, 15.2)."""


class NotSent(Exception):
    """Nothing of the request was written."""


class Unanswered(Exception):
    """The request was written, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Line(asyncio.Protocol):
    """One connection: one exchange at a time."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._is_kept = True
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._has_end = False
        self._began = False

    @property
    def is_usable(self) -> bool:
        """Whether another request may be written."""
        transport = self._transport
        return self._is_kept and transport is not None and not transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        """Write a request; the future ends with its `Reply`, or with `Unanswered`.

        Raises `NotSent` on a connection that has ended.
        """
        if self._transport is None:
            raise NotSent("there is no connection")
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return answer

    def close(self) -> None:
        """End the connection, and whatever is open on it."""
        self._fail("no answer in time")
        if self._transport is not None:
            self._transport.abort()

    # ── asyncio's side ──────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange that is open; a body without a length ends well this way."""
        self._transport = None
        if exc is None and self._began and not self._has_end:
            self.on_message_complete()
        self._fail(in_words(exc) if exc else "the server closed the connection")

    def data_received(self, data: bytes) -> None:
        """Read what came; bytes nobody asked for end the connection."""
        if self._answer is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("the answer is not HTTP")
            self.close()

    def _fail(self, why: str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(Unanswered(why))

    # ── the parser's side ───────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Begin an answer; after one that nobody asked for the connection is not used again."""
        self._is_kept = self._is_kept and self._answer is not None
        self._headers, self._body, self._size, self._has_end = {}, [], 0, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of those that stand twice the last one counts."""
        key = name.decode("latin-1").lower()
        self._headers[key] = value.decode("latin-1")
        self._has_end = self._has_end or key in {"content-length", "transfer-encoding"}

    def on_headers_complete(self) -> None:
        """Note that the answer itself has begun."""
        self._began = self._parser.get_status_code() >= INTERIM

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to a size."""
        self._size += len(body)
        if self._size <= LARGEST_ANSWER:
            self._body.append(body)
        else:
            self._fail("the answer is too large")
            self.close()

    def on_message_complete(self) -> None:
        """Give the answer out."""
        if not self._began:
            return
        self._began = False
        self._is_kept = self._is_kept and self._parser.should_keep_alive()
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            body = b"".join(self._body)
            answer.set_result(Reply(self._parser.get_status_code(), self._headers, body))


class Wire:
    """The connections to one server, opened when they are needed, at most `most` of them."""

    def __init__(
        self,
        origin: URL,
        resolver: AbstractResolver,
        most: int = MOST_OPEN,
        idle: float = IDLE_SECONDS,
    ) -> None:
        host, port = origin.raw_host, origin.port
        if host is None or port is None:
            raise ValueError(f"{origin} names no server")
        self._host, self._port = host, port
        self._name = origin.host_subcomponent if origin.is_default_port() else origin.raw_authority
        self._tls = ssl.create_default_context() if origin.scheme == "https" else None
        self._resolver = resolver
        self._most = most
        self._patience = idle
        self._count = 0
        self._idle: list[Line] = []
        self._waiting: deque[asyncio.Future[Line | None]] = deque()
        self._closed = False

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is under way, or a connection for one."""
        return self._count > len(self._idle)

    def head(self, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the beginning of a POST to `path`, made once for many of them."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {path} HTTP/1.1\r\nHost: {self._name}\r\n{lines}Content-Length: ".encode()

    async def post(self, head: bytes, body: bytes, connect: float, total: float) -> Reply:
        """Send a request and return its answer.

        A connection must be there within `connect` seconds, the answer within `total`. Raises
        `NotSent` or `Unanswered`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + total
        line = self._kept(loop.time()) or await self._opened(connect)
        if not line.is_usable:
            self._drop(line)
            raise NotSent("the connection had ended")
        answer = line.ask(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        timer = loop.call_at(until, line.close)
        try:
            return await answer
        except asyncio.CancelledError:
            line.close()
            raise
        finally:
            timer.cancel()
            self._give_back(line, loop.time())

    async def close(self) -> None:
        """Close what is idle; what is in use is closed when it is given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        await self._resolver.close()

    def _kept(self, now: float) -> Line | None:
        """Return the idle connection used last, closing those that idled for too long."""
        while self._idle:
            line = self._idle.pop()
            if line.is_usable and now - line.idle_since < self._patience:
                return line
            self._drop(line)
        return None

    async def _opened(self, within: float) -> Line:
        try:
            async with asyncio.timeout(within):
                return await self._room() or await self._connected()
        except (OSError, TimeoutError, RuntimeError) as error:
            raise NotSent(in_words(error)) from error

    async def _room(self) -> Line | None:
        """Wait for room for one more connection, or for one that somebody gives back."""
        if self._count < self._most:
            self._count += 1
            return None
        turn: asyncio.Future[Line | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._hand_on(turn.result())
            raise

    async def _connected(self) -> Line:
        try:
            return await self._connect()
        except BaseException:
            self._hand_on(None)
            raise

    async def _connect(self) -> Line:
        loop = asyncio.get_running_loop()
        found = await self._resolver.resolve(self._host, self._port)
        sock = await aiohappyeyeballs.start_connection(
            [_address(result["host"], result["port"]) for result in found],
            happy_eyeballs_delay=ATTEMPT_DELAY,
            interleave=1,
        )
        name = self._host if self._tls is not None else None
        _, line = await loop.create_connection(Line, sock=sock, ssl=self._tls, server_hostname=name)
        return line

    def _give_back(self, line: Line, now: float) -> None:
        if not line.is_usable or self._closed:
            self._drop(line)
            return
        line.idle_since = now
        self._hand_on(line)

    def _drop(self, line: Line) -> None:
        line.close()
        self._hand_on(None)

    def _hand_on(self, line: Line | None) -> None:
        """Give a connection, or the room for one, to who waits longest; else keep it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(line)
                return
        if line is None:
            self._count -= 1
        else:
            self._idle.append(line)


def _address(host: str, port: int) -> aiohappyeyeballs.AddrInfoType:
    """Return an address as connecting wants it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)
