"""The sandbox desk with a small core that a test can steer, served over real HTTP.

The inbox keeps what it is told; it can be away, or decline. The files are kept in memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from adapters.pacing import RoomPacer
from adapters.sandbox.desk import SandboxDesk
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.page import DemoPage
from adapters.sandbox.rooms import Core, SandboxRooms, SandboxSettings
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import Duplicate, Fact, Taken, Verb, Verdict
from bridge.domain.handoff import Handoff, State
from bridge.domain.ids import ConversationId, FileId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Attachment, Message, Role
from bridge.domain.posts import Card, Entry, Post, PostKind
from bridge.ports.core import Event, Listener, Waiting
from bridge.ports.files import StoredFile, TooLarge
from tests.clocks import START, HandClock

ROOM = "support"
CONVERSATION = ConversationId("c_1")
PAGE = {"X-Handoff-Desk": "1"}


def card(state: State = State.WAITING, **changes: Any) -> Card:
    """Return a case card."""
    values: dict[str, Any] = {
        "handoff_id": HandoffId("h_1"),
        "number": 1,
        "state": state,
        "is_open": state in {State.REQUESTED, State.WAITING, State.ACTIVE},
        "customer": "Visitor",
        "reason": "The customer asked for a person.",
        "evidence": "a human please",
        "summary": "",
        "urgency": "normal",
        "owner": None,
        "requested_at": START,
        "changed_at": START,
        "facts": (("Language", "en"),),
        "tried": ("It takes 3 to 5 days.",),
        "verbs": (Verb.CLAIM, Verb.RESOLVE, Verb.RETURN),
    }
    return Card(**{**values, **changes})


def line(text: str, name: str = "Visitor") -> Post:
    """Return a line of the customer's."""
    return Post(PostKind.MESSAGE, Role.CUSTOMER, name, text)


def transcript(*texts: str) -> Post:
    """Return a page of history."""
    entries = tuple(Entry(Role.CUSTOMER, "Visitor", START, text) for text in texts)
    return Post(PostKind.TRANSCRIPT, entries=entries)


class KeepingInbox:
    """Takes each key once; declines what `verdict` says, raises while `away`."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.calls = 0
        self.away = False
        self.verdict: Verdict | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._moved = asyncio.Condition()

    async def called(self, times: int) -> None:
        """Wait until it was asked so many times."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.calls >= times)

    async def report(self, fact: Fact) -> Verdict:
        await self.gate.wait()
        async with self._moved:
            self.calls += 1
            self._moved.notify_all()
        if self.away:
            raise StoreUnavailable
        if any(fact.key == known.key for known in self.facts):
            return Duplicate()
        self.facts.append(fact)
        return self.verdict or Taken()


class OneBoard:
    """Knows one conversation, to which every thread belongs but those in `strange`."""

    def __init__(self) -> None:
        self.strange: set[ThreadRef] = set()

    async def conversation(self, conversation_id: ConversationId) -> Conversation | None:
        return Conversation(CONVERSATION, Customer(), START)

    async def conversation_in(self, thread: ThreadRef) -> Conversation | None:
        if thread in self.strange:
            return None
        return Conversation(CONVERSATION, Customer(), START)

    async def conversation_of(self, handoff_id: HandoffId) -> Conversation | None:
        return None

    async def conversation_with(self, post: PostRef) -> Conversation | None:
        return None

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        return (), False

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        return False

    async def queue(self, limit: int = 50) -> tuple[Waiting, ...]:
        return ()

    async def place_in_queue(self, handoff: Handoff) -> int:
        return 1


class Watching:
    """Who watches, and what everybody was told."""

    def __init__(self) -> None:
        self.told: list[tuple[ConversationId, Event]] = []
        self.listeners: list[Listener] = []

    def watch(self, conversation_id: ConversationId, listener: Listener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, conversation_id: ConversationId, event: Event) -> None:
        self.told.append((conversation_id, event))
        for listener in tuple(self.listeners):
            listener(event)


class ShelfFiles:
    """Files in memory."""

    def __init__(self) -> None:
        self.shelf: dict[tuple[ConversationId, str], tuple[Attachment, bytes]] = {}

    async def put(
        self,
        conversation_id: ConversationId,
        name: str,
        chunks: AsyncIterator[bytes],
        limit: int,
        *,
        from_customer: bool = False,
    ) -> Attachment:
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise TooLarge
        made = Attachment(FileId(f"f_{len(self.shelf) + 1}"), name, "text/html", len(body))
        self.shelf[conversation_id, made.id] = made, bytes(body)
        return made

    async def open(self, conversation_id: ConversationId, file_id: FileId) -> StoredFile | None:
        found = self.shelf.get((conversation_id, file_id))
        return StoredFile(found[0], _once(found[1])) if found else None

    async def drop(self, conversation_id: ConversationId, file_id: FileId) -> None:
        self.shelf.pop((conversation_id, file_id), None)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


@dataclass(slots=True)
class House:
    """A served desk with everything around it."""

    path: Path
    clock: HandClock = field(default_factory=HandClock)
    inbox: KeepingInbox = field(default_factory=KeepingInbox)
    board: OneBoard = field(default_factory=OneBoard)
    presence: Watching = field(default_factory=Watching)
    files: ShelfFiles = field(default_factory=ShelfFiles)
    ledger: Ledger = field(init=False)
    desk: SandboxDesk = field(init=False)
    rooms: SandboxRooms = field(init=False)
    client: TestClient[web.Request, web.Application] = field(init=False)

    async def start(self) -> None:
        """Open the file and serve."""
        settings = SandboxSettings()
        self.ledger = Ledger(self.path, self.clock)
        self.desk = SandboxDesk(self.ledger, RoomPacer(self.clock))
        core = Core(self.inbox, self.board, self.presence, self.files, self.clock)
        await self.desk.__aenter__()
        self.rooms = SandboxRooms(self.ledger, core, settings)
        app = web.Application()
        app.add_routes([*DemoPage(settings).routes(), *self.rooms.routes()])
        self.client = TestClient(TestServer(app))
        await self.client.start_server()

    async def stop(self) -> None:
        """Stop serving and close the file."""
        self.rooms.close()
        await self.client.close()
        await self.desk.__aexit__(None, None, None)

    async def restart(self) -> None:
        """Stop, and begin again from the file."""
        await self.stop()
        await self.start()

    async def thread(self) -> int:
        """Open a thread; return its number."""
        await self.desk.open_thread(ROOM, card(), "d_root")
        return self.ledger.threads()[-1].id

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Call as the page does; return the status and the JSON answer."""
        given = PAGE if headers is None else headers
        async with self.client.request(method, path, headers=given, json=body) as answer:
            return answer.status, await _json(answer)

    async def write(self, thread: int, text: str, **more: object) -> Any:
        """Write as the page does; return the answer."""
        body = {"as": "support", "text": text, **more}
        status, answer = await self.call("POST", f"/sandbox/threads/{thread}/posts", body)
        assert status == 201, answer
        return answer


async def _json(answer: ClientResponse) -> Any:
    text = await answer.text()
    return json.loads(text) if text else None
