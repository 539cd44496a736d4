"""Builds the bridge from its settings, runs it until it is told to stop, and stops it in order.

All background work is started here, in one task group: if any of it dies, the process ends with
it, and whoever supervises starts it again; everything accepted is stored.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass

from aiohttp import web

from adapters.http import HttpServer, HttpSettings, Site, build_http_app
from adapters.listening import try_address
from adapters.outbound import open_session
from adapters.sandbox.page import DemoPage
from adapters.sandbox.rooms import SandboxSettings
from adapters.web.channel import WebChannel
from adapters.web.given import Core
from adapters.web.openapi import describe
from bridge.app import parts
from bridge.app.desks import Connected, Given, connect
from bridge.app.operator import Operator
from bridge.app.policy import PolicyFile
from bridge.app.prepared import prepare
from bridge.app.steering import steering
from bridge.app.taken import StoredFacts
from bridge.app.timekeeping import Timekeeper
from bridge.clock import SteadyClock
from bridge.config import Settings, with_key
from bridge.domain.errors import BridgeError, ConfigurationError
from bridge.ports.desk import Desk
from bridge.relay.relay import Relay
from storage import open_store
from storage.blobs import DiskFiles

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A running bridge: where it is reached on this machine, and the routes it serves."""

    url: str
    routes: tuple[tuple[str, str], ...] = ()


LAST_RESORT = 9.5
"""Seconds after which a stop that hangs becomes a kill, which is as safe."""

Announce = Callable[[Started], None]
Work = Coroutine[object, object, None]


class Background:
    """The background work of one process, cancelled together at the end.

    One task of the group watches over all of it: a task of the group for each piece of work would
    cost more than much of the work, which comes and goes with every message.
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._problems: list[Exception] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._watcher = group.create_task(self._watch(), name="watch")

    async def _watch(self) -> None:
        await self._over.wait()
        if self._problems:
            raise ExceptionGroup("background work failed", self._problems)

    def spawn(self, work: Work, name: str) -> object:
        """Start work; a failure of it ends the whole group."""
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, Exception):
            self._problems.append(problem)
            self._over.set()

    async def close(self) -> None:
        """End all of it, and what that begins, and wait until it has ended."""
        while self._tasks:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._over.set()


async def run(settings: Settings, announce: Announce) -> int:
    """Run until SIGTERM or SIGINT; `announce` is called once requests are taken. Returns 0.

    A second signal ends the process at once, which is as safe as a kill. Raises the
    `BridgeError` that kept it from starting or ended it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopper(stop, loop))
    try:
        async with (
            asyncio.TaskGroup() as group,
            started(settings, Background(group)) as running,
        ):
            announce(running)
            await stop.wait()
    except* BridgeError as problems:
        raise first_of(problems) from problems
    return 0


def first_of(problems: BaseExceptionGroup[BridgeError]) -> BridgeError:
    """Return the first error of a group of groups."""
    found: BaseException = problems
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, BridgeError) else BridgeError(str(found))


def _stopper(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    def on_signal() -> None:
        if stop.is_set():
            sys.stderr.flush()
            signal.raise_signal(signal.SIGKILL)
        stop.set()
        loop.call_later(LAST_RESORT, signal.raise_signal, signal.SIGKILL)

    return on_signal


@contextlib.asynccontextmanager
async def started(settings: Settings, background: Background) -> AsyncIterator[Started]:
    """Open everything in order, and close it in the reverse order.

    Settings that cannot be used raise `ConfigurationError` before anything is made.
    """
    clock, found = SteadyClock(), dict[str, Desk]()
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        prepared = prepare(settings, session, clock, found)
        await try_address(settings.host, settings.port)
        settings, policy = with_key(settings), prepared.policy
        store = await stack.enter_async_context(open_store(settings.database_url))
        timekeeper = Timekeeper(clock, store)
        await timekeeper.begin()
        files = await stack.enter_async_context(DiskFiles(settings.data_dir / "files"))
        desks: list[Connected] = []
        relay = Relay(store, parts.rules(settings, desks, policy), prepared.outside, clock)
        given = Given(settings, clock, session, files, relay, steering(relay, policy, clock))
        for context in connect(given):
            desks.append(await stack.enter_async_context(context))
            found[desks[-1].desk.name] = desks[-1].desk
        stack.push_async_callback(background.close)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, policy)
        background.spawn(timekeeper.run(), "clock")
        await relay.begin(background.spawn)
        stack.push_async_callback(relay.stop)
        server = await stack.enter_async_context(
            _server(given, desks, policy, background, StoredFacts(store))
        )
        url = f"http://{parts.shown(settings.host)}:{server.port}"
        yield Started(url, tuple(server.routes))


def _reload(policy: PolicyFile) -> None:
    """Take the policy from its file again; one that cannot be used changes nothing."""
    try:
        log.warning("policy reloaded", extra={"action": "policy", "version": policy.reload()})
    except ConfigurationError as error:
        log.error(  # noqa: TRY400 -- the problems say it all, a trace adds nothing
            "policy refused", extra={"action": "policy", "problems": error.problems}
        )


def _server(
    given: Given,
    desks: list[Connected],
    policy: PolicyFile,
    background: Background,
    taken: StoredFacts,
) -> HttpServer:
    """Return the server with the routes of every adapter, whose work is started here."""
    settings, clock, relay = given.settings, given.clock, given.relay
    core = Core(relay.inbox, relay.board, relay.presence, clock, taken)
    channel = WebChannel(parts.web(settings, desks, policy), core, given.files)
    routes: list[web.RouteDef] = [*channel.routes()]
    closing = [channel.close]
    background.spawn(channel.run(), "web")
    for connected in desks:
        routes += connected.routes
        closing += connected.closing
        for work, name in connected.work():
            background.spawn(work, name)
    routes += Operator(relay, policy, settings.secret_key).routes()
    if "sandbox" in (connected.desk.name for connected in desks):
        routes += DemoPage(SandboxSettings()).routes()
    site = Site(
        lambda: parts.ready(relay),
        describe,
        parts.metrics(relay),
        clock,
        tuple(closing),
        channel.readable,
    )
    http = HttpSettings(
        host=settings.host, port=settings.port, trusted_proxies=settings.trusted_proxies
    )
    server = HttpServer(build_http_app(routes, http, site), http, clock)
    background.spawn(server.run(), "connections")
    return server
