"""The one HTTP server: mounts everybody's routes and keeps what holds for all of them.

Every refusal leaves here as a problem document, every answer with the same careful headers, and
nothing a client sends becomes a 5xx: those are ours alone, and logged.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self, cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from adapters.addresses import Addresses, Network
from adapters.connections import Connection, Connections
from adapters.heads import careful
from adapters.listening import unusable
from adapters.metrics import CONTENT_TYPE, Counter, Durations, Metrics
from adapters.patience import ConnectionLimits
from adapters.plain import as_bytes
from adapters.problems import Problem
from adapters.refusals import Readable, check_coding, refusal, route_of
from adapters.short import Handler, Make, ways
from bridge.ports.core import Clock

BACKLOG = 1024
"""Connections the kernel may hold for us; a restart brings all streams back at once."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where to listen, and what every request must keep to.

    `max_body` bounds, in bytes, the body of any request whose handler names no bound of its own.
    `metrics_token`, when set, is what /metrics wants as bearer token. Behind a reverse proxy,
    `trusted_proxies` are its networks.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    max_body: int = 1 << 20
    metrics_token: str = field(default="", repr=False)
    trusted_proxies: tuple[Network, ...] = ()
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    grace: float = 5.0


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the program in /readyz: a word on its state, and whether that is good enough."""

    state: str
    ready: bool


Ready = Callable[[], Mapping[str, Component]]
Describe = Callable[[Iterable[tuple[str, str]]], dict[str, object]]
"""Given the (method, path) of every route, returns the OpenAPI description."""


def _nobody(request: web.BaseRequest) -> Mapping[str, str]:
    del request
    return {}


@dataclass(frozen=True, slots=True)
class Site:
    """What is served besides the adapters' routes; `closing` is called when the server stops.

    `readable` is asked about requests that no route takes.
    """

    ready: Ready
    describe: Describe
    metrics: Metrics
    clock: Clock
    closing: tuple[Callable[[], None], ...] = ()
    readable: Readable = _nobody


def build_http_app(
    routes: Iterable[web.RouteDef], settings: HttpSettings, site: Site
) -> web.Application:
    """Return the application with these routes and the four that everybody may ask."""
    requests = site.metrics.counter(
        "handoff_http_requests_total", "Requests answered.", ("method", "route", "status")
    )
    seconds = site.metrics.durations(
        "handoff_http_request_seconds", "Time to an answer, streams left out.", ("route",)
    )
    edge = _edge(site, requests, seconds)
    app = web.Application(middlewares=[edge], client_max_size=settings.max_body)
    for route in [*routes, *_own_routes(settings, site)]:
        options = {**route.kwargs, "expect_handler": _expect}
        web.RouteDef(route.method, route.path, route.handler, options).register(app.router)
    app.on_response_prepare.append(careful)
    for close in site.closing:
        app.on_shutdown.append(_closing(close))
    return app


def _closing(close: Callable[[], None]) -> Callable[[web.Application], Awaitable[None]]:
    async def on_shutdown(app: web.Application) -> None:
        del app
        close()

    return on_shutdown


def _edge(site: Site, requests: Counter, seconds: Durations) -> Middleware:
    """Return the one middleware: it watches, counts, and turns exceptions into problems."""

    @web.middleware
    async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, route = site.clock.monotonic(), route_of(request)
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.begin(request)
        status = 0
        try:
            try:
                check_coding(request)
                response = await handler(request)
            except Exception as error:  # noqa: BLE001 -- the last resort: it is answered and logged
                response = refusal(request, error, site.readable)
            status = response.status
        except web.HTTPException as redirection:
            status = redirection.status
            raise
        else:
            if isinstance(response, web.Response):
                seconds.observe(site.clock.monotonic() - began, route)
            return response
        finally:
            requests.add(_method(request), route, str(status))
            if isinstance(connection, Connection):
                connection.end()

    return edge


def _method(request: web.Request) -> str:
    return request.method if request.method in hdrs.METH_ALL else "other"


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Answer an Expect header (RFC 9110, 10.1.1): the only known one is to be asked to go on."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        return Problem(417, "Expect knows 100-continue only.").response()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # The interim answer must not count as the beginning of the real one.
    request.writer.output_size = 0
    return None


def registered(app: web.Application) -> list[tuple[str, str]]:
    """Return the method and the path of every route there is."""
    routes = app.router.routes()
    return [(r.method, r.resource.canonical) for r in routes if r.resource is not None]


def _own_routes(settings: HttpSettings, site: Site) -> list[web.RouteDef]:
    """Return the routes that everybody may ask."""

    async def healthz(request: web.Request) -> web.Response:
        del request
        return _json(200, {"status": "alive"}, {"Access-Control-Allow-Origin": "*"})

    async def readyz(request: web.Request) -> web.Response:
        del request
        components = site.ready()
        is_ready = all(component.ready for component in components.values())
        states = {name: {"state": c.state, "ready": c.ready} for name, c in components.items()}
        return _json(200 if is_ready else 503, {"ready": is_ready, "components": states})

    async def metrics(request: web.Request) -> web.Response:
        _want_token(request, settings.metrics_token)
        return web.Response(
            body=site.metrics.text().encode(), headers={"Content-Type": CONTENT_TYPE}
        )

    async def openapi(request: web.Request) -> web.Response:
        described = site.describe(registered(request.app))
        return _json(200, described, {"Access-Control-Allow-Origin": "*"})

    handlers = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    handlers["/openapi.json"] = openapi
    return [web.get(path, handler) for path, handler in handlers.items()]


def _want_token(request: web.Request, token: str) -> None:
    given = request.headers.get(hdrs.AUTHORIZATION, "").encode("utf-8", "replace")
    if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
        problem = Problem(401, "Authorization: this wants the metrics token as bearer token.")
        raise problem.with_headers({"WWW-Authenticate": "Bearer"})


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> web.Response:
    content = {**(headers or {}), "Content-Type": "application/json"}
    return web.Response(status=status, body=as_bytes(value), headers=content)


class HttpServer:
    """Listens and serves the application; `run` keeps the read deadlines and never returns.

    `port` is the one it listens on, also when the settings said 0; `routes` is all it serves.
    """

    def __init__(self, app: web.Application, settings: HttpSettings, clock: Clock) -> None:
        addresses = Addresses(settings.trusted_proxies)
        self._app = app
        self.settings = settings
        self.port = settings.port
        self.routes = registered(app)
        self.connections = Connections(settings.limits, clock, addresses.trusts)
        self._runner = web.AppRunner(app, shutdown_timeout=settings.grace)
        self._listening: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen; raises `ConfigurationError` when the address cannot be had."""
        loop = asyncio.get_running_loop()
        await self._runner.setup()
        server = cast("web.Server", self._runner.server)
        self.connections.ways = ways(self._app, cast("Make", server.request_factory))
        make = self.connections.factory(server, loop)
        host, port = self.settings.host, self.settings.port
        try:
            self._listening = await loop.create_server(make, host, port, backlog=BACKLOG)
        except (OSError, UnicodeError) as error:
            await self._runner.cleanup()
            raise unusable(host, port, error) from error
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    async def run(self) -> None:
        """Keep the deadlines until cancelled."""
        await self.connections.watch()
