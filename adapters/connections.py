"""Open connections, and how long each may take over what it is doing.

aiohttp waits for ever for the end of a request's head or body, so a handful of slow clients can
hold every connection there is. Here each connection knows since when it owes something, one watch
over all of them cuts those that are overdue, and their number is bounded. No timer per connection.
"""

import contextlib
import logging
import socket
from asyncio import AbstractEventLoop, BaseTransport, WriteTransport
from collections import Counter
from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMethod

from adapters.addresses import grouped
from adapters.heads import NAME
from adapters.patience import BUSY, MALFORMED, TOO_SLOW, ConnectionLimits
from adapters.problems import Problem
from adapters.short import ShortWay, Ways
from bridge.ports.core import Clock

log = logging.getLogger(__name__)

UNACKNOWLEDGED_MS = 30_000
"""How long sent bytes may stay unacknowledged before the peer counts as gone (TCP_USER_TIMEOUT)."""


METHODS = "GET, HEAD, OPTIONS, POST"
"""What is known here: of a request whose method is not, the address is not known either."""

BARE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": NAME}
"""Headers of an answer that does not come from the application."""


class Connection(ShortWay):
    """One connection. `begin` and `end` frame a request that is being handled."""

    __slots__ = (
        "_connections",
        "_head_since",
        "_request",
        "_request_since",
        "_stalled_since",
    )

    def __init__(
        self, connections: "Connections", manager: web.Server, loop: AbstractEventLoop
    ) -> None:
        # What is packed stays packed: nobody here wants compressed requests, only bombs are.
        super().__init__(
            manager,
            connections.ways,
            loop=loop,
            keepalive_timeout=connections.limits.idle,
            access_log=None,
            auto_decompress=False,
            lingering_time=connections.limits.linger,
        )
        self._connections = connections
        self._head_since: float | None = None
        self._request: web.Request | None = None
        self._request_since = 0.0
        self._stalled_since: float | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Take the connection, or tell the peer that there are too many."""
        if not self._connections.admit(self, transport):
            if isinstance(transport, WriteTransport):
                transport.write(BUSY)
            transport.close()
            self.close()
            return
        self._head_since = self._connections.now()
        _notice_dead_peer(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of it."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note when a request's head begins."""
        if self._head_since is None and self._request is None:
            self._head_since = self._connections.now()
        super().data_received(data)

    def malformed(self) -> None:
        """Say so, unless somebody is being answered."""
        if self._request is None and self.transport is not None:
            self.transport.write(MALFORMED)
        super().malformed()

    def pause_writing(self) -> None:
        """Note that the peer does not take what it is sent."""
        self._stalled_since = self._connections.now()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does again."""
        self._stalled_since = None
        super().resume_writing()

    def begin(self, request: web.Request) -> None:
        """Note that a request's head is complete and its handler runs."""
        self._request = request
        self._request_since = self._connections.now()
        self._head_since = None

    def end(self) -> None:
        """Note that the handler is done."""
        request, self._request = self._request, None
        if request is not None and hdrs.UPGRADE in request.headers:
            # Nothing here is upgraded, and aiohttp may lose count of what follows such a request.
            self.close()

    def overdue(self, now: float) -> str:
        """Return what the peer owes for too long: `head`, `body`, `reader`, or nothing."""
        limits = self._connections.limits
        if self._head_since is not None and now - self._head_since > limits.head:
            return "head"
        if self._request is not None and self._is_late(self._request, now):
            return "body"
        if self._stalled_since is not None and now - self._stalled_since > limits.reader:
            return "reader"
        return ""

    def _is_late(self, request: web.Request, now: float) -> bool:
        content, limits = request.content, self._connections.limits
        if content.is_eof():
            return False
        allowed = limits.body + content.total_bytes / limits.body_rate
        too_long = content.total_bytes > limits.largest_body
        return too_long or now - self._request_since > allowed

    def cut(self, why: str) -> None:
        """End the connection; a peer that began a request is told that it was too slow."""
        transport = self.transport
        if transport is None:
            return
        if why == "reader":
            transport.abort()
        elif self._request is None or self._request.writer.output_size == 0:
            transport.write(TOO_SLOW)
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, or what a handler could not, without saying anything of it."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("part of another answer is on its way already")
        if isinstance(exc, ConnectionError):
            # Nobody is there to be answered; what a client breaks off is no failure of ours.
            log.debug("request_broken_off")
            raise exc
        if status >= web.HTTPInternalServerError.status_code:
            log.error("request_failed", exc_info=exc, extra={"status": status})
            response = Problem(status, "Something went wrong on our side.").response()
        elif isinstance(exc, BadHttpMethod):
            refusal = Problem(405, "Nothing here knows this method.")
            response = refusal.with_headers({hdrs.ALLOW: METHODS}).response()
        else:
            log.info("request_malformed", extra={"status": status})
            response = Problem(status, "This is not a well-formed HTTP request.").response()
        response.headers.update(BARE)
        response.force_close()
        return response


class Connections:
    """All open connections. `trusts` tells the addresses that are our own proxies."""

    def __init__(
        self, limits: ConnectionLimits, clock: Clock, trusts: Callable[[str], bool]
    ) -> None:
        self.limits = limits
        self.now = clock.monotonic
        self._clock = clock
        self._trusts = trusts
        self._open: dict[Connection, str] = {}
        self._by_address: Counter[str] = Counter()
        self.ways: Ways = {}
        self.refused = 0
        self.cut = 0

    def __len__(self) -> int:
        return len(self._open)

    def factory(self, manager: web.Server, loop: AbstractEventLoop) -> Callable[[], Connection]:
        """Return what makes a connection of each that comes in."""
        return lambda: Connection(self, manager, loop)

    def admit(self, connection: Connection, transport: BaseTransport) -> bool:
        """Count a new connection; returns False when there are too many, of this address or all."""
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        key = "" if not address or self._trusts(address) else grouped(address)
        crowded = bool(key) and self._by_address[key] >= self.limits.per_address
        if crowded or len(self._open) >= self.limits.total:
            self.refused += 1
            return False
        self._open[connection] = key
        self._by_address[key] += 1
        return True

    def forget(self, connection: Connection) -> None:
        """Count a connection out."""
        key = self._open.pop(connection, None)
        if key is None:
            return
        self._by_address[key] -= 1
        if self._by_address[key] <= 0:
            del self._by_address[key]

    async def watch(self) -> None:
        """Cut what is overdue, for ever."""
        while True:
            await self._clock.sleep(self.limits.step)
            self.sweep()

    def sweep(self) -> None:
        """Cut every connection that is overdue now."""
        now = self.now()
        for connection in list(self._open):
            if why := connection.overdue(now):
                self.cut += 1
                connection.cut(why)


def _notice_dead_peer(transport: BaseTransport) -> None:
    """Let the kernel give up on a peer that acknowledges nothing, where it can."""
    sock = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if sock is None or option is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_MS)
