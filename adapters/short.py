"""The short way: a small request that came whole is answered without the framework's ceremony.

aiohttp searches the route, runs each request in two tasks, and prepares an answer line by line.
For a POST to a fixed address all of that ends the same way every time, so it is done once, and
what handlers see and clients get is the same. Parsing stays aiohttp's, and so does every request
that is not whole, shares its bytes with another, or wants anything out of the ordinary.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.streams import StreamReader

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
