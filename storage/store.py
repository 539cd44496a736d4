"""What both databases have in common: every read of the store port, over one way to run a read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from bridge.domain.delivery import Delivery
from bridge.domain.handoff import Handoff
from bridge.domain.ids import ConversationId, DeliveryId, FileId
from bridge.domain.messages import Message, Note
from bridge.ports.core import Waiting
from bridge.ports.store import (
    Loaded,
    News,
    Record,
    Settlement,
    Tenure,
    TimerSetting,
    Wanted,
    Write,
)
from storage import reading
from storage.reading import Reading

Result = TypeVar("Result")


class Reader(ABC):
    """Reads of one database; opened and closed as an async context manager.

    Everything raises `StoreUnavailable` when the database cannot be reached or read.
    """

    @abstractmethod
    async def _read(self, asked: Reading[Result], *, as_one: bool = False) -> Result:
        """Run a read to its end; `as_one` when its queries must see one and the same moment."""

    @abstractmethod
    async def open(self) -> None:
        """Connect; raises `ConfigurationError` or `StoreUnavailable`, naming what to mend."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the database."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def load(self, wanted: Wanted) -> Loaded:
        """Read what a batch needs, in one go."""
        return await self._read(reading.load(wanted), as_one=True)

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        """Return messages with a cursor above `after`, by cursor, and whether more wait."""
        return await self._read(reading.messages(conversation_id, after, limit))

    async def history(
        self, conversation_id: ConversationId, from_seq: int, to_seq: int
    ) -> tuple[Message, ...]:
        """Return the messages from one seq to another, both included, by seq."""
        return await self._read(reading.history(conversation_id, from_seq, to_seq))

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        """Whether a file stands on a message of this conversation that was not withdrawn."""
        return await self._read(reading.shows_file(conversation_id, file_id))

    async def deliveries(
        self,
        shards: Iterable[int] | None,
        conversations: Iterable[ConversationId] | None = None,
    ) -> tuple[Delivery, ...]:
        """Return the unsettled deliveries of these shards (None: of all), and only of these
        conversations if given, by conversation and position.
        """
        return await self._read(reading.deliveries(shards, conversations))

    async def dead(self, limit: int = 100) -> tuple[Delivery, ...]:
        """Return the deliveries given up on, the oldest first."""
        return await self._read(reading.dead(limit))

    async def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        """Return one delivery, or None."""
        return await self._read(reading.delivery(delivery_id))

    async def settlement(self, delivery_id: DeliveryId) -> Settlement | None:
        """Return how far one delivery got, with its receipt if it was given one; or None."""
        return await self._read(reading.settlement(delivery_id))

    async def due_timers(self, now: float, shards: Iterable[int]) -> tuple[TimerSetting, ...]:
        """Return the timers due at `now` in these shards, the earliest first, at most 1,000."""
        return await self._read(reading.due_timers(now, shards))

    async def next_timer(self) -> float | None:
        """Return when the next timer is due, or None."""
        return await self._read(reading.next_timer())

    async def queue(self, limit: int) -> tuple[Waiting, ...]:
        """Return the open handoffs, the longest waiting first."""
        return await self._read(reading.queue(limit))

    async def ahead(self, handoff: Handoff) -> int:
        """Return how many handoffs of the same room wait for a person since before this one."""
        return await self._read(reading.ahead(handoff))

    async def records(
        self, conversation_id: ConversationId | None, kind: str | None, limit: int
    ) -> tuple[Record, ...]:
        """Return records, newest first."""
        return await self._read(reading.records(conversation_id, kind, limit))

    async def notes(self, conversation_id: ConversationId) -> tuple[Note, ...]:
        """Return what teammates said among themselves, oldest first; never for a customer."""
        return await self._read(reading.notes(conversation_id))

    async def handoffs(self, conversation_id: ConversationId) -> tuple[Handoff, ...]:
        """Return all handoffs of a conversation, oldest first."""
        return await self._read(reading.handoffs(conversation_id))

    async def conversation_ids(
        self, after: str = "", limit: int = 1000
    ) -> tuple[ConversationId, ...]:
        """Return the ids of conversations above one, in order: a page of all of them."""
        return await self._read(reading.conversation_ids(after, limit))


class SqlStore(Reader):
    """A database this program writes; see `bridge.ports.store.Store`."""

    shared = False

    async def time(self) -> float | None:
        """Return the clock that all instances on this database share; None without others."""
        return None

    @abstractmethod
    async def commit(self, write: Write) -> None:
        """Store a batch durably, all or nothing."""

    @abstractmethod
    async def erase(self, conversation_id: ConversationId) -> None:
        """Erase a conversation and all that belongs to it but its files; may be repeated.

        The keys of its facts stay, without what they made, so that no repetition brings it back.
        """

    @abstractmethod
    async def tenure(self) -> Tenure:
        """Renew this instance's leases and return all shards it owns now."""

    @abstractmethod
    def listen(self, listener: Callable[[News], None]) -> None:
        """Call `listener` when another instance committed something."""

    @abstractmethod
    async def run(self) -> None:
        """Notice what other instances commit, until cancelled; needed for `listen` to be heard.

        Returns at once where there can be no other instance.
        """
