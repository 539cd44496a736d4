"""The door in: facts are taken once, decided on, and stored before anybody is told so.

Theory of operation. Facts wait in a queue while the last transaction commits; then all of them go
into the next one together (group commit), so that one disk sync serves many. For a batch the
conversations are looked up (most are still in memory), each fact is decided on in order by the
pure reactions, and everything that follows is stored in one transaction. Memory is only a guess
at what the database holds: every conversation is written on condition that its version has not
moved and every key on condition that it is new. If the database disagrees, nothing was stored; the
guess is thrown away, the truth is loaded, and the batch is decided on anew. A duplicate is found
that way too, so that the usual fact pays nothing for it.

One bad fact never takes its neighbours along: a reaction that fails is reported to its sender
alone, and a batch whose values the database refuses is stored fact by fact. How a delivery ended is
stored even when its conversation cannot be told, because the courier has nobody to give it back to.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import Delivery, Progress
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import ENDS, Delivered, Fact, Undeliverable, Verdict
from bridge.domain.ids import ConversationId, ThreadRef
from bridge.domain.rules import Rules
from bridge.ports.store import Moved, Settlement, ShardLost, Store, Unreadable, Unstorable
from bridge.reactions.delivery import needs_conversation
from bridge.relay.batch import Batch, Starter
from bridge.relay.known import Known
from bridge.relay.lanes import Step

log = logging.getLogger(__name__)

MOST_AT_ONCE = 500
"""Facts in one transaction: large enough to share a sync, small enough to answer quickly."""

MOST_IN_MEMORY = 5_000
"""Conversations kept in memory; the least recently used are read again when needed."""

MOST_TOLD = 1_000
"""Rows remembered that were reported as unreadable; then the next one is reported anew."""

MOST_TRIES = 8
"""Times a batch is decided on anew because the database had moved."""


class Contended(StoreUnavailable):
    """What a fact is decided on kept changing; the store is well, the sender must come again."""


def at_leisure(delivery: Delivery) -> Delivery:
    """Return a delivery as it is: stored as waiting, and marked before it leaves."""
    return delivery


@dataclass(slots=True)
class Waiter:
    """A fact (or a step of the courier's) in the queue, and who waits for it."""

    item: Fact | Step
    answer: "asyncio.Future[Verdict]"


# A tuple, because a union is made anew each time it is looked at.
_URGENT = (Step, *ENDS)

Committed = Callable[[Batch], None]


class StoreInbox:
    """The inbox over a store. `run` must be running for anything to be taken."""

    def __init__(self, store: Store, rules: Callable[[], Rules], committed: Committed) -> None:
        self._store = store
        self._rules = rules
        self._committed = committed
        self._queue: list[Waiter] = []
        # How deliveries ended goes before new facts: a lane is free only once that is stored.
        self._ends: list[Waiter] = []
        self._wake = asyncio.Event()
        self._memory: OrderedDict[ConversationId, Conversation] = OrderedDict()
        self._known = Known()
        self._told: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.owned: dict[int, int] = {}
        self.owned_until = inf
        self.renewed = asyncio.Event()
        self.is_storing = True
        self.starter: Callable[[], Starter] = lambda: at_leisure

    def report(self, fact: Fact) -> "asyncio.Future[Verdict]":
        """Take a fact once; the future ends when it is stored, or with `StoreUnavailable`."""
        return self.put(fact)

    def own(self, shards: dict[int, int], until: float) -> None:
        """Take over which shards are this instance's, and until when that is sure."""
        self.owned, self.owned_until = shards, until
        self.renewed.set()
        self.renewed = asyncio.Event()

    def put(self, item: Fact | Step) -> "asyncio.Future[Verdict]":
        """Queue a fact or a step; the future ends when it is stored."""
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        urgent = isinstance(item, _URGENT)
        (self._ends if urgent else self._queue).append(Waiter(item, answer))
        self._idle.clear()
        self._wake.set()
        return answer

    def forget(self, conversations: frozenset[ConversationId] | None) -> None:
        """Drop what is remembered of conversations that another instance changed; None: all."""
        if conversations is None:
            self._memory.clear()
            self._known.clear()
            return
        for conversation_id in conversations:
            self._memory.pop(conversation_id, None)

    def recall(self, conversation_id: ConversationId) -> Conversation | None:
        """Return a conversation as last known here, or None when it must be read."""
        return self._memory.get(conversation_id)

    def thread_of(self, thread: ThreadRef) -> ConversationId | None:
        """Return the conversation of a thread if it is remembered."""
        return self._known.threads.get(thread)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or being stored."""
        return self._idle.is_set()

    async def drained(self) -> None:
        """Wait until nothing is queued."""
        await self._idle.wait()

    async def run(self) -> None:
        """Take facts until cancelled."""
        while True:
            await self._wake.wait()
            batch = self._ends + self._queue[:MOST_AT_ONCE]
            self._ends, self._queue = [], self._queue[MOST_AT_ONCE:]
            if not self._queue:
                self._wake.clear()
            await self._take(batch)
            if not self._queue and not self._ends:
                self._idle.set()

    async def _take(self, waiters: list[Waiter]) -> None:
        try:
            await self._store_batch(waiters)
        except Contended as problem:
            log.warning("a fact could not be decided on", extra={"action": "inbox_contended"})
            self._fail(waiters, problem)
        except StoreUnavailable as problem:
            self.is_storing = False
            self.forget(None)
            self._fail(waiters, problem)
        except (Unreadable, Unstorable) as problem:
            if len(waiters) > 1:
                await self._take_singly(waiters)
            else:
                await self._take_instead(waiters[0], problem)
        except Exception as problem:
            if len(waiters) > 1:
                await self._take_singly(waiters)
            else:
                log.exception("inbox batch failed", extra={"action": "inbox_failed"})
                self.forget(None)
                self._fail(waiters, StoreUnavailable(str(type(problem).__name__)))

    async def _take_singly(self, waiters: list[Waiter]) -> None:
        for waiter in waiters:
            await self._take([waiter])

    async def _take_instead(self, waiter: Waiter, problem: Unreadable | Unstorable) -> None:
        """Store an end in a form that can be stored; of anything else tell its sender."""
        instead = _untold(waiter.item, str(problem))
        if isinstance(problem, Unstorable):
            self.forget(None)
        if instead is not None:
            await self._take([Waiter(instead, waiter.answer)])
        elif isinstance(problem, Unstorable):
            self._fail([waiter], problem)
        else:
            self._report_once(str(problem))
            self._fail([waiter], StoreUnavailable(str(problem)))

    def _report_once(self, why: str) -> None:
        if why in self._told:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told.add(why)
        log.error("a conversation cannot be read", extra={"action": "unreadable", "why": why})

    def _fail(self, waiters: list[Waiter], problem: Exception) -> None:
        for waiter in waiters:
            if not waiter.answer.done():
                waiter.answer.set_exception(problem)
                # A settlement nobody waits for must not be reported as forgotten.
                waiter.answer.exception()

    async def _store_batch(self, waiters: list[Waiter]) -> None:
        again = False
        for _ in range(MOST_TRIES):
            # By the second try a lane may have become free in memory whose end is still queued
            # behind this very batch: in the database its last delivery is on its way.
            start = at_leisure if again else self.starter()
            batch = Batch(self._memory, self._known, self._rules(), self.owned, start)
            wanted = batch.wants([w.item for w in waiters], check_keys=again)
            if wanted is not None:
                batch.learn(await self._store.load(wanted), shared=self._store.shared)
            verdicts = batch.decide([w.item for w in waiters])
            try:
                if batch.has_something:
                    await self._store.commit(batch.write)
                    self.is_storing = True
            except Moved:
                self.forget(frozenset(batch.touched))
                self._known.clear()
                again = True
                continue
            except ShardLost as lost:
                for shard in lost.shards:
                    self.owned.pop(shard, None)
                continue
            self._remember(batch)
            self._answer(waiters, verdicts)
            self._committed(batch)
            return
        message = "the conversations of a batch kept changing"
        raise (Unstorable if len(waiters) > 1 else Contended)(message)

    def _remember(self, batch: Batch) -> None:
        memory = self._memory
        for conversation_id, conversation in batch.current.items():
            memory[conversation_id] = conversation
            memory.move_to_end(conversation_id)
        self._known.trim()
        while len(memory) > MOST_IN_MEMORY:
            memory.popitem(last=False)

    def _answer(self, waiters: list[Waiter], verdicts: list[Verdict]) -> None:
        for waiter, verdict in zip(waiters, verdicts, strict=True):
            if not waiter.answer.done():
                waiter.answer.set_result(verdict)


def _untold(item: Fact | Step, why: str) -> Fact | Step | None:
    """Return what is stored of an end that its conversation cannot be told, None of anything else.

    What arrived without its conversation hearing of it counts as not delivered; when that cannot
    be told either, the death is stored alone, for the operator to see.
    """
    instead: Fact | Step
    if isinstance(item, Delivered) and needs_conversation(item.delivery):
        instead = Undeliverable(
            key=f"untold:{item.delivery.id}:{item.at:.6f}",
            at=item.at,
            conversation_id=item.conversation_id,
            delivery=item.delivery,
            why=f"it arrived, but what came of it cannot be stored: {why}",
        )
    elif isinstance(item, Undeliverable):
        error = item.why.encode(errors="replace").decode().replace("\0", "")
        instead = Step((Settlement(item.delivery.moved(Progress.DEAD, error=error)),))
    else:
        return None
    log.error(
        "the end of a delivery could not be told to its conversation",
        extra={"action": "end_untold", "delivery": item.delivery.id, "why": why},
    )
    return instead
