"""The door out: the only place that sends anything.

Theory of operation. Deliveries wait in lanes, one per conversation and leg, and only the head of
a lane is ever on its way. For legs where a repetition would be seen (posts in a thread) the
attempt is stored *before* the call leaves, so that after a crash exactly those deliveries are in
doubt that may have left. A delivery in doubt is looked for at the desk, under the key its post
would carry; it is sent again only when it was not there after the time the desk may need to show
it. Of the others, whose repetition is harmless, an attempt is stored only when it is of a delivery
that was found at the start: it may be what ended the program before, and must not do so for ever.

How one attempt goes, and how each of its ends is settled, is in `sending.py`.

Where several instances share a database, another one may have stored deliveries that this one has
not seen. Whenever a conversation was read from the database, or a shard was taken over, new
deliveries are therefore held back until the stored ones have been adopted before them. A read
that was begun before a cancellation was stored must not bring back what it took away: each read is
begun with a `hold`, and its rows are held against what was cancelled since.

A lane with nothing to do has no task, no timer and no memory.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Coroutine, Iterable, Mapping

from bridge.domain.delivery import Delivery, Leg, Progress
from bridge.domain.ids import ConversationId
from bridge.domain.shards import shard_of
from bridge.ports.core import Clock
from bridge.relay.batch import Batch, Starter
from bridge.relay.carriers import Carrier
from bridge.relay.inbox import StoreInbox
from bridge.relay.lanes import VISIBLE_ONCE, Key, Lane, Room, falls_under, parks, turn_of
from bridge.relay.sending import Sender

log = logging.getLogger(__name__)

MOST_CANCELLED = 20_000
"""Lanes remembered whose deliveries were cancelled, far more than are while one query runs."""

Spawn = Callable[[Coroutine[object, object, None], str], object]


class Courier:
    """Carries stored deliveries, lane by lane."""

    def __init__(
        self,
        inbox: StoreInbox,
        carriers: Mapping[Leg, Carrier],
        clock: Clock,
        spawn: Spawn,
        sender: Sender,
    ) -> None:
        self._inbox = inbox
        self._carriers = carriers
        self._clock = clock
        self._spawn = spawn
        self._sender = sender
        self._lanes: dict[Key, Lane] = {}
        self._syncing: dict[ConversationId, int] = {}
        self._holds = 0
        self._adopting: set[int] = set()
        self._held: list[Delivery] = []
        self._cancelled: OrderedDict[Key, tuple[int, int]] = OrderedDict()
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
        now = self._clock.now()

        def start(delivery: Delivery) -> Delivery:
            lane = delivery.lane
            if lane[1] not in VISIBLE_ONCE or lane in self._lanes or lane in begun:
                return delivery
            begun.add(lane)
            if self._is_held(delivery) or not self._may_leave(delivery, rooms):
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
                attempted_at=now,
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
        self.hold(batch.loaded, ())
        for delivery in batch.write.deliveries:
            if self._is_held(delivery):
                self._held.append(delivery)
            elif shard_of(delivery) in self._inbox.owned:
                self._enqueue(delivery, fresh=True)

    def _is_held(self, delivery: Delivery) -> bool:
        return delivery.conversation_id in self._syncing or (
            bool(self._adopting) and shard_of(delivery) in self._adopting
        )

    def hold(self, conversations: Iterable[ConversationId], shards: Iterable[int]) -> int:
        """Hold new deliveries of these back until `adopt` brings the stored ones.

        Returns the number to give to `adopt`: a read that was begun before a later hold cannot
        have what that one waits for.
        """
        self._holds += 1
        self._syncing.update(dict.fromkeys(conversations, self._holds))
        self._adopting.update(shards)
        return self._holds

    def adopt(
        self,
        deliveries: Iterable[Delivery],
        conversations: Iterable[ConversationId] = (),
        shards: Iterable[int] = (),
        hold: int = 0,
    ) -> None:
        """Take over deliveries found in the database, then those held back meanwhile, in order.

        `hold` is the number that was taken before they were read.
        """
        for conversation_id in conversations:
            if self._syncing.get(conversation_id, hold + 1) <= hold:
                del self._syncing[conversation_id]
        shards = frozenset(shards)
        self._adopting -= shards
        held, self._held = self._held, []
        valid = (d for d in deliveries if not self._was_cancelled(d, hold))
        found = {d.id: d for d in (*held, *valid) if d.id not in self._sender.ends.done}
        for delivery in sorted(found.values(), key=turn_of):
            if self._is_held(delivery):
                self._held.append(delivery)
            elif shard_of(delivery) in self._inbox.owned and not self.has(delivery):
                self._enqueue(delivery, fresh=False, inherited=bool(shards))

    def has(self, delivery: Delivery) -> bool:
        """Whether a delivery, in whatever progress, waits or is on its way here."""
        lane = self._lanes.get(delivery.lane)
        return lane is not None and any(d.id == delivery.id for d in lane.queue)

    def parked(self) -> dict[Room, list[tuple[float, Delivery]]]:
        """Return what may be probed: of each desk and room the heads that were refused, and when,
        on the monotonic clock, those first that were refused longest ago.
        """
        found: dict[Room, list[tuple[float, Delivery]]] = {}
        for (_, leg), lane in self._lanes.items():
            if leg is Leg.DESK and lane.parked and lane.refused_at is not None and lane.queue:
                head = lane.queue[0]
                found.setdefault((head.desk, head.room), []).append((lane.refused_at, head))
        return {room: sorted(lanes, key=lambda one: one[0]) for room, lanes in found.items()}

    def release(self, delivery: Delivery, hold: int, *, probe: bool = False) -> None:
        """Let a parked lane go on after its head, read under `hold`, was retried or skipped."""
        if self._was_cancelled(delivery, hold):
            return
        lane = self._lanes.get(delivery.lane)
        if lane is None:
            if delivery.progress is Progress.QUEUED:
                self._enqueue(delivery, fresh=False)
            return
        if lane.is_at_head(delivery):
            lane.queue.popleft()
            if delivery.progress is Progress.SKIPPED and delivery.attempted_at is not None:
                lane.share_doubt(delivery, self._carriers[delivery.leg].merges)
        self._sender.ends.done.pop(delivery.id, None)
        if delivery.progress is Progress.QUEUED and lane.task is not None and not lane.parked:
            # Nothing gets before a head on its way; only lanes that never park come here.
            lane.queue.append(delivery)
        elif delivery.progress is Progress.QUEUED:
            lane.queue.appendleft(delivery)
        lane.parked = False
        lane.probed = delivery.id if probe else None
        self._start(delivery.lane, lane)

    def carries(self, delivery: Delivery) -> bool:
        """Whether this very value is at the head of its lane, and was so since it was put there."""
        lane = self._lanes.get(delivery.lane)
        return lane is not None and lane.is_as_left(delivery)

    def keep_only(self, owned: Container[int]) -> None:
        """Forget what is in shards that another instance has now."""
        self._held = [delivery for delivery in self._held if shard_of(delivery) in owned]
        for key, lane in list(self._lanes.items()):
            lane.keep_only(owned)
            if lane.queue:
                self._start(key, lane)
            elif lane.task is None:
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

    def _enqueue(self, delivery: Delivery, *, fresh: bool, inherited: bool = False) -> None:
        if delivery.progress is Progress.DEAD and not parks(delivery):
            return
        lane = self._lanes.get(delivery.lane)
        if lane is None:
            lane = self._lanes[delivery.lane] = Lane()
        lane.queue.append(delivery)
        if fresh and delivery.progress is Progress.SENDING:
            lane.fresh = delivery.id
        elif delivery.progress is Progress.SENDING:
            lane.doubted_at = self._clock.now()
        if inherited:
            lane.inherited = max(lane.inherited, delivery.position)
        self._start(delivery.lane, lane)

    def _start(self, key: Key, lane: Lane) -> None:
        if lane.task is None and not lane.parked and not self._stopping:
            self._busy += 1
            self._quiet.clear()
            lane.task = self._spawn(self._run(key, lane), f"lane {key[0]} {key[1]}")

    def _was_cancelled(self, delivery: Delivery, hold: int) -> bool:
        """Whether a delivery was cancelled after a read that was begun under `hold` had begun."""
        up_to, at = self._cancelled.get(delivery.lane, (0, -1))
        return hold <= at and falls_under(delivery, up_to)

    def _cancel(self, key: Key, up_to: int) -> None:
        self._cancelled[key] = up_to, self._holds
        self._cancelled.move_to_end(key)
        if len(self._cancelled) > MOST_CANCELLED:
            self._cancelled.popitem(last=False)
        self._held = [d for d in self._held if d.lane != key or not falls_under(d, up_to)]
        lane = self._lanes.get(key)
        if lane is None:
            return
        moving = lane.queue[0].id if lane.queue and lane.task is not None else None
        before, lane.queue = lane.queue, deque()
        for delivery in before:
            if delivery.position > up_to or (
                delivery.id == moving and delivery.progress is Progress.SENDING
            ):
                lane.queue.append(delivery)
            else:
                self._sender.ends.remember((delivery.id,))
        if lane.parked:
            lane.parked = False
            self._start(key, lane)

    async def stop(self, within: float) -> None:
        """Finish what is on its way, begin nothing new; returns after `within` seconds at most."""
        self._stopping = self._sender.stopping = True
        try:
            async with asyncio.timeout(within):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("courier stopped with calls open", extra={"action": "courier_stop"})

    async def _run(self, key: Key, lane: Lane) -> None:
        try:
            while lane.queue and not lane.parked and not self._stopping:
                await self._sender.one(lane)
        finally:
            lane.task = None
            if not lane.queue:
                self._lanes.pop(key, None)
            self._busy -= 1
            if not self._busy:
                self._quiet.set()
