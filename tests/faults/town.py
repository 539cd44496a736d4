"""The whole core and the Slack desk, against the fake workspace over real HTTP, on one clock.

Time passes only while nobody is on the phone: `until` lets the calls under way end, then moves
the clock. Everything is stored in SQLite; `crash` drops what was only in memory.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from adapters.slack.desk import SlackDesk
from adapters.slack.office import Core, Given
from adapters.slack.refs import place_of
from adapters.slack.rooms import SlackRooms
from adapters.wire import Wire
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Role
from bridge.domain.policy import default_policy
from bridge.domain.rules import Place, Rules
from bridge.relay.relay import Outside, Relay
from storage import open_store
from storage.blobs import DiskFiles
from tests.adapters.slack.scene import settings_for
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.servers.slack import ROOM, FakeSlack
from tests.world import World

NOBODY = 1
"""A port nobody listens on."""

PAUSE = 0.002
"""Real seconds in which calls over the loopback come forward before the clock moves."""


HOST = "slack.test"
"""The name under which the bridge knows the fake."""


class Names(AbstractResolver):
    """The name service. It can be away, or name a place where nobody listens."""

    def __init__(self, place: str) -> None:
        host, _, port = place.partition(":")
        self._place = (host, int(port))
        self.is_away = False
        self.is_wrong = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return where the fake listens."""
        if self.is_away:
            raise OSError("no name service")
        where, at = self._place
        found = ResolveResult(
            hostname=host,
            host=where,
            port=NOBODY if self.is_wrong else at,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [found]

    async def close(self) -> None:
        """Nothing is held."""


class Town(World):
    """A world whose desk is Slack's. Echoes of the bridge's posts come back as events."""

    def __init__(self, folder: Path, slack: FakeSlack, **changes: Any) -> None:
        clock = HandClock()
        super().__init__(lambda: open_store(sqlite_url(folder)), Rules(default_policy()), clock)
        self.slack = slack
        self.names = Names(slack.host)
        self.rooms: SlackRooms
        self.wire: Wire
        self.rooms_wanted = (ROOM,)
        self._changes = changes
        self._folder = folder
        self._living: contextlib.AsyncExitStack
        self._calls = 0
        slack.state.now = clock.now

    async def start(self) -> None:
        """Build the bridge anew on what is stored."""
        async with contextlib.AsyncExitStack() as stack:
            session = await stack.enter_async_context(self._session())
            files = await stack.enter_async_context(DiskFiles(self._folder / "files"))
            changes = {"api_url": f"http://{HOST}/api/", **self._changes}
            settings = settings_for(self.slack, **changes)
            # Nothing is kept, so that each call asks the name service again.
            self.wire = Wire(URL(settings.api_url).origin(), self.names, idle=0.0)
            desk = SlackDesk(Given(settings, session, files, self.clock, self.wire))
            await stack.enter_async_context(desk)
            self._store_context = self.open_store()
            store = await self._store_context.__aenter__()
            places = tuple(Place(desk.name, room) for room in self.rooms_wanted)
            self.rules = Rules(default_policy(), places, {desk.name: desk.capabilities})
            outside = Outside({desk.name: desk}, self.assistant)
            self.relay = Relay(store, lambda: self.rules, outside, self.clock)
            core = Core(self.relay.inbox, self.relay.board, receipts=self.relay.receipts)
            self.rooms = SlackRooms(desk, core)
            await stack.enter_async_context(self._served())
            await self.relay.begin(self.spawn)
            self.spawn(self.rooms.run(), "slack")
            self._living = stack.pop_all()

    def _session(self) -> aiohttp.ClientSession:
        """Return the session of what does not go to the Web API."""
        way = aiohttp.TCPConnector(resolver=self.names, use_dns_cache=False, force_close=True)
        return aiohttp.ClientSession(connector=way, trace_configs=[self._watched()])

    def _watched(self) -> aiohttp.TraceConfig:
        """Return what counts the calls under way, from before they connect."""
        watched = aiohttp.TraceConfig()

        async def begun(*_: object) -> None:
            self._calls += 1

        async def ended(*_: object) -> None:
            self._calls -= 1

        watched.on_request_start.append(begun)
        watched.on_request_end.append(ended)
        watched.on_request_exception.append(ended)
        return watched

    @contextlib.asynccontextmanager
    async def _served(self) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes(self.rooms.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.slack.people.target = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        try:
            yield
        finally:
            await runner.cleanup()

    def use(self, **changes: Any) -> None:
        """Change settings of the desk, for the next start."""
        self._changes |= changes

    async def crash(self) -> None:
        """Lose everything that was only in memory."""
        await super().crash()
        await self._living.aclose()
        self._calls = 0

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    async def until(
        self, holds: Callable[[], bool], within: float = 900.0, step: float = 0.5
    ) -> None:
        """Let time pass until something holds; fails after `within` seconds of the clock."""
        end = self.clock.now() + within
        while not holds():
            assert self.clock.now() < end, "it did not come to pass"
            await self._moment(step)

    async def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Let so much time pass."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            await self._moment(step)

    async def settle(self, rounds: int = 4000) -> None:
        """Wait, without time passing, until nothing is on its way."""
        quiet = 0
        for _ in range(rounds):
            await asyncio.sleep(0.001)
            is_quiet = self.relay.inbox.is_idle and not self.relay.courier.moving()
            quiet = quiet + 1 if is_quiet and not self.slack.is_busy else 0
            if quiet >= 5:
                return
        raise AssertionError("something is always on its way")

    async def _moment(self, step: float) -> None:
        await asyncio.sleep(PAUSE)
        if self._calls or self.wire.is_busy or self.slack.is_busy or not self.relay.inbox.is_idle:
            return
        self.clock.advance(step)
        self.slack.show_late()

    # ── what can be seen ────────────────────────────────────────────────────────────────────────

    async def root_of(self, conversation_id: ConversationId) -> str:
        """Return the timestamp of a conversation's thread."""
        conversation = await self.conversation(conversation_id)
        assert conversation.thread is not None
        return place_of(conversation.thread).ts

    async def handed_over(
        self, opening: str = "hello", room: str = ROOM
    ) -> tuple[ConversationId, str]:
        """Return a conversation a teammate has taken, and the timestamp of its thread."""
        customer = await self.arrives()
        await self.says(customer, opening)
        await self.settle()
        await self.asks_for_person(customer)
        await self.settle()
        root = await self.root_of(customer)
        await self.slack.people.teammate_says(root, "I am here", channel=room)
        await self.settle()
        return customer, root

    def lines(self, root: str, channel: str = ROOM) -> list[str]:
        """Return the lines people can read in a thread as said by customers."""
        return [
            line
            for message in self.slack.state.thread(channel, root)
            if str(message.get("username", "")).endswith("customer")
            for line in str(message["text"]).split("\n")
        ]

    def texts(self, root: str, channel: str = ROOM) -> list[str]:
        """Return all that stands in a thread, the bridge's own lines among it."""
        return [str(message["text"]) for message in self.slack.state.thread(channel, root)]

    async def replies_seen(self, conversation_id: ConversationId) -> list[str]:
        """Return what the customer reads of teammates."""
        log = await self.messages(conversation_id)
        return [m.text for m in log if m.role is Role.TEAMMATE and not m.deleted]


@contextlib.asynccontextmanager
async def town(folder: Path, *, echo: bool = True, **changes: Any) -> AsyncIterator[Town]:
    """Open a town; `changes` are settings of the desk."""
    async with FakeSlack(echo=echo) as slack, Town(folder, slack, **changes) as made:
        yield made


@contextlib.contextmanager
def held_commits(made: Town) -> Iterator[asyncio.Event]:
    """Let no transaction begin until the event is set."""
    gate, store = asyncio.Event(), made.relay.store
    real = store.commit

    async def waiting(write: Any) -> None:
        await gate.wait()
        await real(write)

    store.commit = waiting  # type: ignore[method-assign]
    try:
        yield gate
    finally:
        gate.set()
        store.commit = real  # type: ignore[method-assign]
