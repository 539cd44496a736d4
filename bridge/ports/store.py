"""The store: where conversations are kept, and the queue of deliveries.

The inbox decides in memory and writes in batches: a `Write` is all that one transaction stores.
It is safe against other writers by versions and unique keys: when anything it was decided on has
moved, nothing is stored and `Moved` is raised.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import Delivery, Leg, Receipt
from bridge.domain.errors import BridgeError
from bridge.domain.facts import Timer
from bridge.domain.handoff import Handoff
from bridge.domain.ids import ConversationId, DeliveryId, FileId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Message, Note
from bridge.ports.core import Waiting


class Moved(BridgeError):
    """A key was taken or a version had moved: nothing was stored; load again and decide again."""


class Unstorable(BridgeError):
    """The database refuses these very values; other facts of the batch may still be stored."""


class Unreadable(BridgeError):
    """A stored row does not say what is needed: written by another version, or damaged."""


class ShardLost(BridgeError):
    """Another instance now owns `shards`; what was decided as their owner must be dropped."""

    def __init__(self, shards: frozenset[int]) -> None:
        super().__init__(f"shards {sorted(shards)} belong to another instance")
        self.shards = shards


@dataclass(frozen=True, slots=True)
class TakenFact:
    """A fact's key, kept for good, with what it made and the digest of its body."""

    key: str
    conversation_id: ConversationId
    at: float
    ref: str = ""
    seq: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How far a stored delivery got; `receipt` when it was delivered."""

    delivery: Delivery
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class TimerSetting:
    """Sets a conversation's timer of one kind to `due_at` (epoch seconds), or clears it: None."""

    conversation_id: ConversationId
    timer: Timer
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Record:
    """Something worth keeping about a conversation: a decision, a rating, an act. Plain JSON."""

    conversation_id: ConversationId
    at: float
    kind: str
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Cancels a conversation's queued or dead deliveries on some legs up to a position.

    A dead `OpenThread` stays dead, so that the operator still sees it.
    """

    conversation_id: ConversationId
    legs: frozenset[Leg]
    up_to: int


@dataclass(slots=True)
class Write:
    """All that one transaction stores.

    `conversations` holds, per conversation, the version it was decided on (None: it is new) and
    its new state. Within a transaction `settled` and `cancelled` come before new `deliveries`,
    because only one delivery of a lane may be on its way. `fences` are the shards, with the epoch
    of their lease, that `settled` was decided under.
    """

    conversations: dict[ConversationId, tuple[int | None, Conversation]] = field(
        default_factory=dict
    )
    facts: list[TakenFact] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    amended: list[Message] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    threads: list[tuple[ThreadRef, ConversationId]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    cancelled: list[Cancellation] = field(default_factory=list)
    timers: list[TimerSetting] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    fences: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the inbox must know before it can decide."""

    conversations: frozenset[ConversationId] = frozenset()
    threads: frozenset[ThreadRef] = frozenset()
    handoffs: frozenset[HandoffId] = frozenset()
    posts: frozenset[PostRef] = frozenset()
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found; what is absent does not exist. Conversations come with `recent` and
    their latest handoff, also those found by thread or handoff. `posts` are the messages made
    from a desk's posts.
    """

    conversations: dict[ConversationId, Conversation]
    threads: dict[ThreadRef, ConversationId]
    handoffs: dict[HandoffId, ConversationId]
    posts: dict[PostRef, Message]
    facts: dict[str, TakenFact]


@dataclass(frozen=True, slots=True)
class Tenure:
    """The shards this instance owns now, each with the epoch of its lease.

    They are surely its own for `seconds` from when they were asked for.
    """

    owned: dict[int, int]
    seconds: float = inf


@dataclass(frozen=True, slots=True)
class News:
    """What another instance committed: conversations that changed; None means "look at all"."""

    conversations: frozenset[ConversationId] | None


class Store(Protocol):
    """One database. Opened and closed as an async context manager.

    Every method raises `StoreUnavailable` when the database cannot be reached or cannot write.
    """

    shared: bool
    """Whether other instances may write to the same database."""

    async def time(self) -> float | None:
        """Return the clock that all instances on this database share; None without others."""
        ...

    async def load(self, wanted: Wanted) -> Loaded:
        """Read what a batch needs, in one go; raises `Unreadable`."""
        ...

    async def commit(self, write: Write) -> None:
        """Store a batch durably, all or nothing.

        Raises `Moved`, `ShardLost`, `Unstorable` or `StoreUnavailable`, always with nothing
        stored. When a connection breaks around COMMIT the outcome is looked up, not assumed.
        """
        ...

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        """Return messages with a cursor above `after`, by cursor, and whether more wait."""
        ...

    async def history(
        self, conversation_id: ConversationId, from_seq: int, to_seq: int
    ) -> tuple[Message, ...]:
        """Return the messages from one seq to another, both included, by seq.

        Raises `Unreadable`.
        """
        ...

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        """Whether a file stands on a message of this conversation that was not withdrawn."""
        ...

    async def deliveries(
        self,
        shards: Iterable[int] | None,
        conversations: Iterable[ConversationId] | None = None,
    ) -> tuple[Delivery, ...]:
        """Return the unsettled deliveries of these shards (None: of all), and only of these
        conversations when given, by
        conversation and position. Dead ones are among them: they park their lanes.
        """
        ...

    async def dead(self, limit: int = 100) -> tuple[Delivery, ...]:
        """Return the deliveries given up on, the oldest first."""
        ...

    async def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        """Return one delivery, or None."""
        ...

    async def settlement(self, delivery_id: DeliveryId) -> Settlement | None:
        """Return how far one delivery got, with its receipt if it was given one; or None."""
        ...

    async def due_timers(self, now: float, shards: Iterable[int]) -> tuple[TimerSetting, ...]:
        """Return the timers due at `now` of conversations that fall into these shards."""
        ...

    async def next_timer(self) -> float | None:
        """Return when the next timer is due, or None."""
        ...

    async def queue(self, limit: int) -> tuple[Waiting, ...]:
        """Return the open handoffs, the longest waiting first."""
        ...

    async def ahead(self, handoff: Handoff) -> int:
        """Return how many handoffs of the same room wait for a person since before this one."""
        ...

    async def records(
        self, conversation_id: ConversationId | None, kind: str | None, limit: int
    ) -> Sequence[Record]:
        """Return records, newest first."""
        ...

    async def tenure(self) -> Tenure:
        """Renew the lease on this instance's shards, take free ones up to a fair share, and return
        all that it owns now. On SQLite: all shards, always.
        """
        ...

    def listen(self, listener: Callable[[News], None]) -> None:
        """Call `listener` when another instance committed something."""
        ...

    async def run(self) -> None:
        """Hear of other instances until cancelled, or return when there can be none."""
        ...
