"""What the core gives to adapters: the door in, read-only views, and lossy hints.

`Clock` stands here too: nobody reads the time any other way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bridge.domain.conversation import Conversation
from bridge.domain.facts import Fact, Verdict
from bridge.domain.handoff import Handoff
from bridge.domain.ids import ConversationId, FileId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Message


class Clock(Protocol):
    """Time, so that tests can move it by hand."""

    def now(self) -> float:
        """Return epoch seconds; they do not jump when somebody sets the machine's clock."""
        ...

    def wall(self) -> float:
        """Return epoch seconds as the machine has them, for what others have signed or made."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event, or until so many seconds have passed."""
        ...


class Inbox(Protocol):
    """The door in."""

    def report(self, fact: Fact) -> Awaitable[Verdict]:
        """Take a fact once and return only after it is stored.

        Raises `StoreUnavailable` when it could not be stored: the sender must come again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """One open handoff in the queue, as a teammate sees it listed."""

    handoff: Handoff
    customer: str
    thread: ThreadRef | None


class Board(Protocol):
    """Read-only views of what is stored."""

    async def conversation(self, conversation_id: ConversationId) -> Conversation | None:
        """Return the conversation, or None when there is no such one."""
        ...

    async def conversation_in(self, thread: ThreadRef) -> Conversation | None:
        """Return the conversation whose thread this is, or None when it is not ours."""
        ...

    async def conversation_of(self, handoff_id: HandoffId) -> Conversation | None:
        """Return the conversation of a handoff, or None."""
        ...

    async def conversation_with(self, post: PostRef) -> Conversation | None:
        """Return the conversation that has a message made from this post, or None."""
        ...

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        """Return what was created or changed after a cursor, in cursor order, and if more waits."""
        ...

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        """Whether a file stands on a message that the customer sees now."""
        ...

    async def queue(self, limit: int = 50) -> tuple[Waiting, ...]:
        """Return the open handoffs, the longest waiting first."""
        ...

    async def place_in_queue(self, handoff: Handoff) -> int:
        """Return the place of a waiting handoff in its room's queue, from 1."""
        ...


class TakenFacts(Protocol):
    """What is recorded about which facts were taken."""

    async def digests_of(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Return the digest of what was taken under each key; a key that is new is left out.

        Raises `StoreUnavailable`.
        """
        ...


class Receipts(Protocol):
    """What is recorded about where our posts stand."""

    async def stands_elsewhere(
        self, keys: tuple[str, ...], place: PostRef | ThreadRef, made_at: float
    ) -> bool | None:
        """Whether all that a post with these keys carries stands in another place than this one.

        `made_at` is when the platform says that the post was made, in epoch seconds.
        None when that cannot be said, or not yet. Raises `StoreUnavailable`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Changed:
    """Messages were added or changed, or the state of the conversation did (`state`)."""

    messages: tuple[Message, ...]
    state: Conversation | None


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody types. Lossy. `role` is `customer`, `teammate` or `assistant`."""

    role: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class DraftGrew:
    """The assistant's answer so far. Lossy; the stored message follows. Empty when dropped."""

    text: str
    epoch: int


Event = Changed | Typing | DraftGrew
Listener = Callable[[Event], None]


class Presence(Protocol):
    """Who is watching a conversation now. Nothing here is stored; missing an event is harmless,
    because the message log is read by cursor.
    """

    def watch(self, conversation_id: ConversationId, listener: Listener) -> Callable[[], None]:
        """Call `listener` (which must not block) at every event; returns what ends it."""
        ...

    def tell(self, conversation_id: ConversationId, event: Event) -> None:
        """Tell everybody who watches."""
        ...
