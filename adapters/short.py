"""The short way: a small request that came whole is answered without the framework's ceremony.

aiohttp searches the route, runs each request in two tasks, and prepares an answer line by line.
For a POST to a fixed address all of that ends the same way every time, so it is done once, and
what handlers see and clients get is the same. Parsing stays aiohttp's, and so does every request
that is not whole, shares its bytes with another, or wants anything out of the ordinary.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.streams import StreamReader

from adapters.heads import whole

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Make = Callable[..., web.Request]


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request goes: what aiohttp's own search would find, and the handler at its end."""

    found: web.UrlMappingMatchInfo
    handler: Handler
    make: Make

    def request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        connection: web.RequestHandler,
        writer: StreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.Request:
        """Return a parsed request as its handler wants it, its route found."""
        request = self.make(message, payload, connection, writer, task)
        request._match_info = self.found  # noqa: SLF001 -- as aiohttp does after its search
        return request


Ways = Mapping[tuple[str, str], Way]
"""Ways by method and path."""


def ways(app: web.Application, make: Make) -> Ways:
    """Return the short ways into an application: every POST to a fixed path.

    `make` makes a request of what was parsed; the application must have all its routes.
    """
    return {
        (route.method, route.resource.canonical): _way(app, make, route)
        for route in app.router.routes()
        if route.method == hdrs.METH_POST and isinstance(route.resource, web.PlainResource)
    }


def _way(app: web.Application, make: Make, route: web.AbstractRoute) -> Way:
    found = web.UrlMappingMatchInfo({}, route)
    found.add_app(app)
    found.freeze()
    handler = route.handler
    for middleware in reversed(app.middlewares):
        handler = functools.partial(middleware, handler=handler)
    return Way(found, handler, make)


def way_of(ways: Ways, message: object, payload: StreamReader) -> Way | None:
    """Return the short way of a parsed request, or None when it has to go the long one."""
    if not isinstance(message, RawRequestMessage) or not payload.is_eof():
        return None
    unusual = message.should_close or message.upgrade or message.version != HttpVersion11
    if unusual or hdrs.EXPECT in message.headers:
        return None
    return ways.get((message.method, message.path))


class ShortWay(web.RequestHandler):
    """A connection whose requests go the short way where they can. `ways` are known at its start.

    While one is being answered aiohttp's own loop is at rest, and what comes meanwhile waits for
    it in aiohttp's queue.
    """

    __slots__ = ("_answering", "_ways")

    def __init__(self, manager: web.Server, ways: Ways, **given: Any) -> None:  # noqa: ANN401
        super().__init__(manager, **given)
        self._ways = ways
        self._answering: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Let aiohttp parse, and take what may go the short way."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._parse(data)
            return
        # aiohttp is at rest. What it parses now it is not told of before the short way was tried.
        self._waiter = None
        try:
            self._parse(data)
        finally:
            self._waiter = waiter
        if self._answering is None and not self._take_short_way():
            self._wake()

    def _parse(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except Exception:  # noqa: BLE001 -- of some addresses that make no sense its parser raises anything
            log.info("request_malformed", extra={"status": 400})
            self.malformed()

    def malformed(self) -> None:
        """End a connection whose bytes make no sense."""
        self.force_close()
        if self._waiter is None and self._task_handler is not None:
            self._task_handler.cancel()

    def _wake(self) -> None:
        """Let aiohttp go on with what it has parsed."""
        waiter = self._waiter
        if self._messages and waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _take_short_way(self) -> bool:
        parser, task = self._parser, self._task_handler
        if len(self._messages) != 1 or parser is None or task is None:
            return False
        message, payload = self._messages[0]
        way = way_of(self._ways, message, payload)
        if way is None or not isinstance(message, RawRequestMessage):
            return False
        self._messages.popleft()
        parser.message_consumed()
        request = way.request(message, payload, self, StreamWriter(self, self._loop), task)
        self._answering = self._loop.create_task(self._answer(request, way))
        return True

    async def _answer(self, request: web.Request, way: Way) -> None:
        try:
            await self._send(request, await _answered(request, way))
        except ConnectionError:
            self.force_close()
        except BaseException:
            self.force_close()
            raise
        finally:
            self._answering = None
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            self._wake()

    async def _send(self, request: web.Request, response: web.StreamResponse) -> None:
        raw = whole(response)
        if raw is None:
            await response.prepare(request)
            await response.write_eof()
            if not response.keep_alive:
                self.force_close()
        elif self.transport is not None:
            self.transport.write(raw)
            if self._paused:
                # Who does not read what they asked for gets no more of it.
                await self._drain_helper()

    def _process_keepalive(self) -> None:
        # To aiohttp a connection on the short way looks idle.
        if self._answering is not None:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let the server know the connection until what it asked for has come to its end."""
        if self._answering is not None:
            self._task_handler = self._answering
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 -- inherited
        """Let the request that is being answered come to its end, or cut it short, then close."""
        if self._answering is not None:
            await asyncio.wait({self._answering}, timeout=timeout)
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait({self._answering}, timeout=timeout)
        await super().shutdown(timeout)


async def _answered(request: web.Request, way: Way) -> web.StreamResponse:
    try:
        return await way.handler(request)
    except web.HTTPException as redirection:
        return redirection
