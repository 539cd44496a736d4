"""A Slack desk against the fake workspace, both over real HTTP, with a small core in memory.

The inbox takes a fact once and can be away; the board knows the threads a test opened.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters.slack.desk import SlackDesk
from adapters.slack.office import Core, Given
from adapters.slack.rooms import SlackRooms
from adapters.slack.settings import SlackSettings
from bridge.clock import SystemClock
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import Declined, Duplicate, Fact, Taken, TeammateWrote, Verb, Verdict
from bridge.domain.handoff import Handoff, Reason, State
from bridge.domain.ids import ConversationId, FileId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Message, Role
from bridge.domain.posts import Card, Post, PostKind
from bridge.ports.core import Clock, Waiting
from storage.blobs import DiskFiles
from tests.servers.slack import BOT_TOKEN, ROOM, SIGNING_SECRET, FakeSlack

NOW = 1_800_000_000.0
CONVERSATION = ConversationId("c_1")
HANDOFF = HandoffId("h_1")


def card(state: State = State.WAITING, **changes: Any) -> Card:
    """Return a case card."""
    values: dict[str, Any] = {
        "handoff_id": HANDOFF,
        "number": 1,
        "state": state,
        "is_open": state in {State.REQUESTED, State.WAITING, State.ACTIVE},
        "customer": "Anna",
        "reason": "Rule asked_for_person: the customer asked for a person.",
        "evidence": "a human please",
        "summary": "",
        "urgency": "normal",
        "owner": None,
        "requested_at": NOW,
        "changed_at": NOW,
        "facts": (("Language", "en"),),
        "tried": ("It takes 3 to 5 days.",),
        "verbs": (Verb.CLAIM, Verb.ASSIGN, Verb.RESOLVE, Verb.RETURN, Verb.NOTE),
    }
    return Card(**{**values, **changes})


def line(text: str, name: str = "Anna", role: Role = Role.CUSTOMER) -> Post:
    """Return a line of the conversation."""
    return Post(PostKind.MESSAGE, role, name, text)


def handoff(handoff_id: str = HANDOFF, state: State = State.WAITING) -> Handoff:
    """Return a handoff of a conversation with the matching number."""
    reason = Reason("asked", "asked_for_person", "They asked for a person.", "a human <please>")
    conversation = ConversationId(handoff_id.replace("h_", "c_"))
    where = ("slack", ROOM)
    return Handoff(HandoffId(handoff_id), conversation, 1, state, *where, reason, NOW, NOW, 1)


@dataclass
class MemoryInbox:
    """Takes facts about known threads and handoffs, once each."""

    board: "MemoryBoard"
    facts: list[Fact] = field(default_factory=list)
    away: bool = False
    slow: float = 0.0
    decline: Declined | None = None
    keys: set[str] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, fact: Fact) -> Verdict:
        """Take a fact, unless told otherwise."""
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.away:
            raise StoreUnavailable("the store is away")
        if fact.key in self.keys:
            return Duplicate()
        thread = getattr(fact, "thread", None)
        if thread is not None and thread not in self.board.threads:
            return Declined("unknown", "There is no such thread.")
        if self.decline is not None:
            return self.decline
        self.keys.add(fact.key)
        self.facts.append(fact)
        if isinstance(fact, TeammateWrote) and not fact.note:
            self.board.posts[fact.post] = fact.thread
        self.arrived.set()
        return Taken()


@dataclass
class MemoryBoard:
    """Knows the conversations a test made, by thread and by handoff."""

    threads: dict[str, Conversation] = field(default_factory=dict)
    posts: dict[PostRef, ThreadRef] = field(default_factory=dict)
    past: dict[HandoffId, ConversationId] = field(default_factory=dict)

    def add(self, thread: ThreadRef, made: Handoff | None = None) -> Conversation:
        """Let a thread be a conversation's."""
        made = made or handoff()
        customer = Customer(name="Anna <!channel>")
        found = Conversation(made.conversation_id, customer, NOW, handoff=made, thread=thread)
        self.threads[thread] = found
        return found

    async def conversation(self, conversation_id: ConversationId) -> Conversation | None:
        """Return a conversation by id."""
        return next((c for c in self.threads.values() if c.id == conversation_id), None)

    async def conversation_in(self, thread: ThreadRef) -> Conversation | None:
        """Return a conversation by thread."""
        return self.threads.get(thread)

    async def conversation_of(self, handoff_id: HandoffId) -> Conversation | None:
        """Return a conversation by handoff, its newest or a past one."""
        if handoff_id in self.past:
            return await self.conversation(self.past[handoff_id])
        found = (c for c in self.threads.values() if c.handoff and c.handoff.id == handoff_id)
        return next(found, None)

    async def conversation_with(self, post: PostRef) -> Conversation | None:
        """Return the conversation of a post that was relayed."""
        return self.threads.get(self.posts.get(post, ThreadRef("")))

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        """Return no messages."""
        return (), False

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        """Return that no message has it."""
        return False

    async def queue(self, limit: int = 50) -> tuple[Waiting, ...]:
        """Return the open handoffs."""
        found = [c for c in self.threads.values() if c.open_handoff]
        return tuple(
            Waiting(c.handoff, c.customer.name or "", c.thread) for c in found[:limit] if c.handoff
        )

    async def place_in_queue(self, handoff: Handoff) -> int:
        """Return the first place."""
        return 1


@dataclass
class Scene:
    """Everything a test touches. `thread` is an open handoff's, `root` its timestamp."""

    slack: FakeSlack
    desk: SlackDesk
    rooms: SlackRooms
    inbox: MemoryInbox
    board: MemoryBoard
    files: DiskFiles
    session: aiohttp.ClientSession
    thread: ThreadRef = ThreadRef("")
    root: str = ""

    @property
    def facts(self) -> list[Fact]:
        """The facts taken so far."""
        return self.inbox.facts

    def only(self, kind: type[Any]) -> Any:
        """Return the one fact of a kind, when there is no other fact."""
        [fact] = self.inbox.facts
        assert isinstance(fact, kind)
        return fact

    @property
    def whispers(self) -> list[str]:
        """What was said privately in the room."""
        return [str(said["text"]) for said in self.slack.state.ephemeral]


def settings_for(slack: FakeSlack, **changes: Any) -> SlackSettings:
    """Return settings that point at a fake workspace."""
    made = SlackSettings(
        bot_token=BOT_TOKEN,
        room=ROOM,
        signing_secret=SIGNING_SECRET,
        api_url=slack.api_url,
        file_hosts=frozenset({slack.host}),
        posts_per_second=None,
    )
    return replace(made, **changes)


@contextlib.asynccontextmanager
async def scene(
    folder: Path,
    clock: Clock | None = None,
    *,
    begin: bool = True,
    known: bool = True,
    **changes: Any,
) -> AsyncIterator[Scene]:
    """Open a scene: the fake workspace, the desk, its way in served, one open thread.

    `known` is False when Slack did not say at the start who we are.
    """
    async with (
        FakeSlack() as slack,
        aiohttp.ClientSession() as session,
        DiskFiles(folder) as files,
    ):
        if not known:
            slack.fail("auth.test", "status")
        given = Given(settings_for(slack, **changes), session, files, clock or SystemClock())
        async with SlackDesk(given) as desk:
            board = MemoryBoard()
            inbox = MemoryInbox(board)
            rooms = SlackRooms(desk, Core(inbox, board))
            made = Scene(slack, desk, rooms, inbox, board, files, session)
            async with _served(rooms) as url:
                slack.people.target = f"{url}/slack/events"
                if begin:
                    made.thread = await desk.open_thread(ROOM, card(), "d_root")
                    made.root = made.thread.rpartition(":")[2]
                    board.add(made.thread)
                yield made


@contextlib.asynccontextmanager
async def _served(rooms: SlackRooms) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(rooms.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
