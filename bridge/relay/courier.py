"""The door out: the only place that sends anything.

Theory of operation. Deliveries wait in lanes, one per conversation and leg, and only the head of
a lane is ever on its way. For legs where a repetition would be seen (posts in a thread) the
attempt is stored *before* the call leaves, so that after a crash exactly those deliveries are in
doubt that may have left. A delivery in doubt is looked for at the desk, under the key its post
would carry; it is sent again only when it was not there after the time the desk may need to show
it.

How an attempt ended is an exception of exactly three kinds. `TryAgain`: the delivery keeps its
place and waits. `Uncertain`: it is looked for. `Refused`, or too many attempts: it is dead, which
is reported by the inbox like any fact, and its lane is parked until the operator decides.

Where several instances share a database, another one may have stored deliveries that this one has
not seen. Whenever a conversation was read from the database, or a shard was taken over, new
deliveries are therefore held back until the stored ones have been adopted before them.

A lane with nothing to do has no task, no timer and no memory.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace

from bridge.domain.delivery import Delivery, Leg, OpenThread, Patience, Progress
from bridge.domain.errors import Refused, StoreUnavailable, TryAgain, Uncertain
from bridge.domain.facts import Delivered, Fact, Undeliverable
from bridge.domain.ids import ConversationId, DeliveryId
from bridge.domain.shards import shard_of
from bridge.ports.core import Clock
from bridge.ports.store import Settlement
from bridge.relay.batch import Batch, Starter, Step
from bridge.relay.carriers import Carried, Carrier
from bridge.relay.inbox import StoreInbox

log = logging.getLogger(__name__)

VISIBLE_ONCE = frozenset({Leg.DESK, Leg.NOTICE})
"""Legs on which a repetition would be seen by people."""

PARKING = frozenset({Leg.DESK, Leg.WEBHOOK})
"""Legs whose dead deliveries park the lane: what follows must not overtake them."""

PATIENCE: dict[Leg, Patience] = dict.fromkeys(Leg, Patience()) | {
    Leg.ASSISTANT: Patience(attempts=1, waits_when_told=False),
    Leg.WEBHOOK: Patience(delays=(1, 5, 30, 300, 1800, 7200, 18_000, 36_000), attempts=9),
}
"""A customer waits for the assistant, so its failure is told at once and the policy decides whether
it is asked again; a receiver of webhooks may be away for a day, as Standard Webhooks advises."""

STORE_PAUSE = 1.0
"""Seconds before a lane tries again after the database could not take a step."""

LOOKS = 5
"""Failed look-ups after which a delivery in doubt is given up on."""

MOST_DONE = 20_000
"""Finished deliveries remembered, far more than end while one query runs."""

Spawn = Callable[[Coroutine[object, object, None], str], object]
Key = tuple[ConversationId, Leg]


@dataclass(slots=True)
class Lane:
    """What waits on one conversation's way to one party, in order."""

    queue: deque[Delivery] = field(default_factory=deque)
    task: object | None = None
    parked: bool = False
    fresh: DeliveryId | None = None


def parks(delivery: Delivery) -> bool:
    """Whether a dead delivery holds up what follows it."""
    return delivery.leg in PARKING and not isinstance(delivery.payload, OpenThread)


class Courier:
    """Carries stored deliveries, lane by lane."""

    def __init__(
        self,
        inbox: StoreInbox,
        carriers: Mapping[Leg, Carrier],
        clock: Clock,
        spawn: Spawn,
        patience: Mapping[Leg, Patience] | None = None,
    ) -> None:
        self._inbox = inbox
        self._carriers = carriers
        self._clock = clock
        self._spawn = spawn
        self._patience = {**PATIENCE, **(patience or {})}
        self._lanes: dict[Key, Lane] = {}
        self._unrecorded: list[Fact] = []
        self._syncing: set[ConversationId] = set()
        self._adopting: set[int] = set()
        self._held: list[Delivery] = []
        self._done: OrderedDict[DeliveryId, None] = OrderedDict()
        self._stopping = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._busy = 0

    def starter(self) -> Starter:
        """Return what says how each new delivery of one batch is stored.

        One that may leave at once is stored as sending, which saves a transaction.
        """
        begun: set[Key] = set()
        rooms: set[str] = set()

        def start(delivery: Delivery) -> Delivery:
            lane = delivery.lane
            if lane[1] not in VISIBLE_ONCE or lane in self._lanes or lane in begun:
                return delivery
            begun.add(lane)
            if self._is_held(delivery):
                return delivery
            if not self._may_leave(delivery, rooms):
                return delivery
            return Delivery(
                delivery.id,
                delivery.conversation_id,
                delivery.position,
                delivery.payload,
                delivery.created_at,
                delivery.desk,
                delivery.room,
                Progress.SENDING,
                attempts=1,
                attempted_at=delivery.created_at,
            )

        return start

    def _may_leave(self, delivery: Delivery, rooms: set[str]) -> bool:
        if self._stopping or shard_of(delivery) not in self._inbox.owned:
            return False
        carrier = self._carriers[delivery.leg]
        if carrier.is_limited(delivery):
            if delivery.room in rooms:
                return False
            rooms.add(delivery.room)
        return carrier.is_ready(delivery)

    def accept(self, batch: Batch) -> None:
        """Take over what a batch stored: new deliveries, and cancelled ones."""
        for cancelled in batch.write.cancelled:
            for leg in cancelled.legs:
                self._cancel((cancelled.conversation_id, leg), cancelled.up_to)
        self._syncing |= batch.loaded
        for delivery in batch.write.deliveries:
            if self._is_held(delivery):
                self._held.append(delivery)
            elif shard_of(delivery) in self._inbox.owned:
                self._enqueue(delivery, fresh=True)

    def _is_held(self, delivery: Delivery) -> bool:
        return delivery.conversation_id in self._syncing or (
            bool(self._adopting) and shard_of(delivery) in self._adopting
        )

    def hold(self, conversations: Iterable[ConversationId], shards: Iterable[int]) -> None:
        """Hold new deliveries of these back until `adopt` brings the stored ones."""
        self._syncing.update(conversations)
        self._adopting.update(shards)

    def adopt(
        self,
        deliveries: Iterable[Delivery],
        conversations: Iterable[ConversationId] = (),
        shards: Iterable[int] = (),
    ) -> None:
        """Take over deliveries found in the database, then those held back meanwhile, in order."""
        self._syncing.difference_update(conversations)
        self._adopting.difference_update(shards)
        held, self._held = self._held, []
        found = {d.id: d for d in (*held, *deliveries) if d.id not in self._done}
        for delivery in sorted(found.values(), key=lambda d: (d.conversation_id, d.position)):
            if self._is_held(delivery):
                self._held.append(delivery)
            elif shard_of(delivery) in self._inbox.owned and not self._has(delivery):
                self._enqueue(delivery, fresh=False)

    def _has(self, delivery: Delivery) -> bool:
        lane = self._lanes.get(delivery.lane)
        return lane is not None and any(d.id == delivery.id for d in lane.queue)

    def release(self, delivery: Delivery) -> None:
        """Let a parked lane go on after its head was retried or skipped."""
        lane = self._lanes.get(delivery.lane)
        if lane is None:
            if delivery.progress is Progress.QUEUED:
                self._enqueue(delivery, fresh=False)
            return
        if lane.queue and lane.queue[0].id == delivery.id:
            lane.queue.popleft()
        self._done.pop(delivery.id, None)
        if delivery.progress is Progress.QUEUED:
            lane.queue.appendleft(delivery)
        lane.parked = False
        self._start(delivery.lane, lane)

    def keep_only(self, owned: Mapping[int, int]) -> None:
        """Forget lanes whose shard another instance has now."""
        for key, lane in list(self._lanes.items()):
            if lane.queue and shard_of(lane.queue[0]) not in owned:
                lane.queue.clear()
                if lane.task is None:
                    del self._lanes[key]

    def waiting(self) -> int:
        """Return how many deliveries wait or are on their way."""
        return sum(len(lane.queue) for lane in self._lanes.values())

    def moving(self) -> bool:
        """Whether some lane is at work rather than asleep until its time comes."""
        now = self._clock.now()
        return any(
            lane.task is not None and lane.queue and lane.queue[0].due_at <= now
            for lane in self._lanes.values()
        )

    def _enqueue(self, delivery: Delivery, *, fresh: bool) -> None:
        if delivery.progress is Progress.DEAD and not parks(delivery):
            return
        lane = self._lanes.get(delivery.lane)
        if lane is None:
            lane = self._lanes[delivery.lane] = Lane()
        lane.queue.append(delivery)
        if fresh and delivery.progress is Progress.SENDING:
            lane.fresh = delivery.id
        self._start(delivery.lane, lane)

    def _start(self, key: Key, lane: Lane) -> None:
        if lane.task is None and not lane.parked and not self._stopping:
            self._busy += 1
            self._quiet.clear()
            lane.task = self._spawn(self._run(key, lane), f"lane {key[0]} {key[1]}")

    def _cancel(self, key: Key, up_to: int) -> None:
        lane = self._lanes.get(key)
        if lane is None:
            return
        moving = lane.queue[0].id if lane.queue and lane.task is not None else None
        lane.queue = deque(
            d
            for d in lane.queue
            if d.position > up_to or (d.id == moving and d.progress is not Progress.DEAD)
        )
        if lane.parked:
            lane.parked = False
            self._start(key, lane)

    async def run(self) -> None:
        """Store again what could not be recorded while the database was away."""
        while True:
            await self._clock.sleep(STORE_PAUSE)
            facts, self._unrecorded = self._unrecorded, []
            for fact in facts:
                self._record(fact)

    async def stop(self, within: float) -> None:
        """Finish what is on its way, begin nothing new; returns after `within` seconds at most."""
        self._stopping = True
        try:
            async with asyncio.timeout(within):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("courier stopped with calls open", extra={"action": "courier_stop"})

    async def _run(self, key: Key, lane: Lane) -> None:
        try:
            while lane.queue and not lane.parked and not self._stopping:
                await self._one(lane)
        finally:
            lane.task = None
            if not lane.queue:
                self._lanes.pop(key, None)
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def _one(self, lane: Lane) -> None:
        head = lane.queue[0]
        if head.progress is Progress.DEAD:
            lane.parked = True
            return
        try:
            await self._attempt(lane, head)
        except StoreUnavailable:
            await self._clock.sleep(STORE_PAUSE)
        except Exception:
            log.exception("carrier failed", extra={"action": "carrier_failed", "delivery": head.id})
            await self._again(lane, lane.queue[0], TryAgain("internal error"))

    async def _attempt(self, lane: Lane, head: Delivery) -> None:
        carrier = self._carriers[head.leg]
        wait = head.due_at - self._clock.now()
        if wait > 0:
            await self._clock.sleep(wait)
            if self._stopping or not lane.queue or lane.queue[0].id != head.id:
                return
        in_doubt = head.progress is Progress.SENDING and lane.fresh != head.id
        if in_doubt and not await self._settle_doubt(lane, head, carrier):
            return
        await carrier.turn(head)
        if not lane.queue or lane.queue[0].id != head.id:
            return
        group = self._group(lane, carrier)
        head = await self._mark(lane, lane.queue[0])
        lane.fresh = None
        await self._send(lane, (head, *group[1:]), carrier)

    def _group(self, lane: Lane, carrier: Carrier) -> tuple[Delivery, ...]:
        """Return the head and those right behind it that may go in the same post."""
        group = [lane.queue[0]]
        for delivery in list(lane.queue)[1:]:
            if not carrier.merges(tuple(group), delivery):
                break
            group.append(delivery)
        return tuple(group)

    async def _mark(self, lane: Lane, head: Delivery) -> Delivery:
        """Store that the head is being sent, where a repetition would be seen."""
        if lane.fresh == head.id:
            return head
        marked = head.moved(
            Progress.SENDING, attempts=head.attempts + 1, attempted_at=self._clock.now()
        )
        if head.leg in VISIBLE_ONCE:
            await self._inbox.put(Step((Settlement(marked),)))
        lane.queue[0] = marked
        return marked

    async def _send(self, lane: Lane, group: tuple[Delivery, ...], carrier: Carrier) -> None:
        head = group[0]
        try:
            carried = await carrier.carry(group)
        except TryAgain as problem:
            await self._again(lane, head, problem)
        except Uncertain as problem:
            await self._doubt(lane, head, problem)
        except Refused as problem:
            await self._dead(lane, head, problem.why, lost_thread=problem.lost_thread)
        else:
            await self._arrived(lane, group, carried)

    async def _arrived(self, lane: Lane, group: tuple[Delivery, ...], carried: Carried) -> None:
        head = group[0]
        if carried.more:
            onward = replace(head, parts_done=head.parts_done + 1, due_at=0.0, attempts=0)
            lane.queue[0] = replace(onward, progress=Progress.QUEUED)
            await self._inbox.put(Step((Settlement(lane.queue[0]),)))
            return
        gone = {d.id for d in group}
        self._remember(gone)
        while lane.queue and lane.queue[0].id in gone:
            lane.queue.popleft()
        fact = Delivered(
            key=f"delivered:{head.id}" if carried.matters else "",
            at=self._clock.now(),
            conversation_id=head.conversation_id,
            delivery=head,
            receipt=carried.receipt,
            merged=group[1:],
        )
        recorded = self._record(fact)
        if carried.matters:
            await recorded

    def _remember(self, done: Iterable[DeliveryId]) -> None:
        """Remember what is done: a row read before that was stored must not bring it back."""
        self._done.update(dict.fromkeys(done))
        while len(self._done) > MOST_DONE:
            self._done.popitem(last=False)

    def _record(self, fact: Fact) -> "asyncio.Future[object]":
        """Hand a fact to the inbox; kept and handed again when the database is away."""
        future: asyncio.Future[object] = self._inbox.put(fact)  # type: ignore[assignment]

        def again(done: "asyncio.Future[object]") -> None:
            if not done.cancelled() and done.exception() is not None:
                self._unrecorded.append(fact)

        future.add_done_callback(again)
        return future

    async def _again(self, lane: Lane, head: Delivery, problem: TryAgain) -> None:
        """Surely not delivered: wait and try again, or give up after too many attempts.

        When the platform says how long to wait, the attempt does not count.
        """
        patience = self._patience[head.leg]
        told = problem.after is not None and patience.waits_when_told
        attempts = head.attempts - 1 if told else head.attempts
        if attempts >= patience.attempts:
            await self._dead(lane, head, problem.why)
            return
        delay = problem.after if problem.after is not None else patience.delay(max(attempts, 1))
        waiting = replace(
            head,
            progress=Progress.QUEUED,
            attempts=max(attempts, 0),
            due_at=self._clock.now() + delay,
            error=problem.why,
        )
        lane.queue[0] = waiting
        lane.fresh = None
        await self._inbox.put(Step((Settlement(waiting),)))

    async def _doubt(self, lane: Lane, head: Delivery, problem: Uncertain) -> None:
        log.warning(
            "delivery in doubt",
            extra={"action": "delivery_doubt", "delivery": head.id, "why": problem.why},
        )
        lane.fresh = None
        if head.leg not in VISIBLE_ONCE:
            await self._again(lane, head, TryAgain(problem.why))
        elif head.attempts >= self._patience[head.leg].attempts:
            await self._dead(lane, head, problem.why)

    async def _settle_doubt(self, lane: Lane, head: Delivery, carrier: Carrier) -> bool:
        """Find out whether the head arrived; returns True when it must be sent (again)."""
        settle = carrier.settle_seconds(head)
        since = head.attempted_at or head.created_at
        for share in (1 / 6, 1.0):
            await self._clock.sleep(max(since + settle * share - self._clock.now(), 0.0))
            carried = await self._look(lane, head, carrier)
            if carried is not None:
                await self._arrived(lane, (head, *self._merged(lane, carried)), carried)
                return False
            if not lane.queue or lane.queue[0].id != head.id or lane.parked:
                return False
            if self._clock.now() - since >= settle:
                return True
        return True

    def _merged(self, lane: Lane, carried: Carried) -> tuple[Delivery, ...]:
        """Return those behind the head that were found in the same post."""
        behind = list(lane.queue)[1:]
        return tuple(d for d in behind[: len(carried.merged)] if d.id in carried.merged)

    async def _look(self, lane: Lane, head: Delivery, carrier: Carrier) -> Carried | None:
        for attempt in range(1, LOOKS + 1):
            try:
                return await carrier.find(head)
            except (TryAgain, Uncertain) as problem:
                after = problem.after if isinstance(problem, TryAgain) else None
                await self._clock.sleep(after or self._patience[head.leg].delay(attempt))
            except Refused as problem:
                await self._dead(lane, head, problem.why, lost_thread=problem.lost_thread)
                return None
        await self._dead(lane, head, "could not find out whether it arrived")
        return None

    async def _dead(
        self, lane: Lane, head: Delivery, why: str, *, lost_thread: bool = False
    ) -> None:
        log.error(
            "delivery given up",
            extra={"action": "delivery_dead", "delivery": head.id, "why": why},
        )
        dead = head.moved(Progress.DEAD, error=why)
        if parks(head):
            lane.queue[0] = dead
            lane.parked = True
        else:
            lane.queue.popleft()
        lane.fresh = None
        await self._record(
            Undeliverable(
                key=f"dead:{head.id}:{head.attempts}:{head.parts_done}",
                at=self._clock.now(),
                conversation_id=head.conversation_id,
                delivery=head,
                why=why,
                lost_thread=lost_thread,
            )
        )
