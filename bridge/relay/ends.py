"""How deliveries end: recorded by the inbox like any fact, and kept until that has happened."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.domain.facts import Declined, Delivered, End
from bridge.domain.ids import DeliveryId
from bridge.domain.shards import shard_of
from bridge.ports.core import Clock
from bridge.relay.inbox import StoreInbox

STORE_PAUSE = 1.0
"""Seconds before what the database could not take is tried again."""

MOST_DONE = 20_000
"""Finished deliveries remembered, far more than end while one query runs."""


@dataclass(frozen=True, slots=True)
class Death:
    """Why a delivery is given up on.

    What is `in_doubt` may have arrived, and is looked for before anybody has it tried again. What
    died `for_good` is not tried again by itself: it cannot be read, or may end the program.
    """

    why: str
    lost_thread: bool = False
    in_doubt: bool = False
    for_good: bool = False


UNANSWERED = Death("every attempt ended without an answer", in_doubt=True, for_good=True)


class Ends:
    """The ends that are on their way into the database; `done` are the deliveries they are of."""

    def __init__(self, inbox: StoreInbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._unrecorded: list[End] = []
        self.done: OrderedDict[DeliveryId, None] = OrderedDict()

    def remember(self, done: Iterable[DeliveryId]) -> None:
        """Remember what is done: a row read before that was stored must not bring it back."""
        self.done.update(dict.fromkeys(done))
        while len(self.done) > MOST_DONE:
            self.done.popitem(last=False)

    def record(self, fact: End) -> "asyncio.Future[object]":
        """Hand an end to the inbox; kept and handed again when the database is away."""
        future: asyncio.Future[object] = self._inbox.put(fact)  # type: ignore[assignment]

        def again(recorded: "asyncio.Future[object]") -> None:
            if recorded.cancelled():
                return
            if recorded.exception() is not None:
                self._unrecorded.append(fact)
            elif isinstance(fact, Delivered) and isinstance(recorded.result(), Declined):
                self._take_back(fact)

        future.add_done_callback(again)
        return future

    def _take_back(self, fact: Delivered) -> None:
        """Leave what is not stored as done to whoever has the shard, to be looked up.

        This may be the same instance again, and have read the row when it still counted as done:
        so the shard is gained, and read, once more.
        """
        for delivery in (fact.delivery, *fact.merged):
            self.done.pop(delivery.id, None)
            self._inbox.owned.pop(shard_of(delivery), None)

    async def run(self) -> None:
        """Record what could not be recorded while the database was away, until cancelled."""
        while True:
            await self._clock.sleep(STORE_PAUSE)
            facts, self._unrecorded = self._unrecorded, []
            for fact in facts:
                self.record(fact)
