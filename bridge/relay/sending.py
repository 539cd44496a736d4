"""One delivery on its way: marked, sent, and settled, whichever way it ends.

An attempt ends in one of four ways. It arrived: that is recorded as a fact. `TryAgain`: the
delivery keeps its place and waits. `Uncertain`: it is looked for at the desk under its key, and
sent again only when it was not there after the time the desk may need to show it. `Refused`, or
too many attempts: it is dead, which is reported by the inbox like any fact.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from math import inf

from bridge.domain.delivery import Delivery, Leg, Patience, Progress, Undecoded
from bridge.domain.errors import Refused, StoreUnavailable, TryAgain, Uncertain
from bridge.domain.facts import Declined, Delivered, Undeliverable, Verdict
from bridge.domain.shards import shard_of
from bridge.ports.core import Clock
from bridge.ports.store import Settlement
from bridge.relay.carriers import Carried, Carrier, in_doubt
from bridge.relay.ends import STORE_PAUSE, UNANSWERED, Death, Ends
from bridge.relay.inbox import StoreInbox
from bridge.relay.lanes import NOT_OURS, PATIENCE, VISIBLE_ONCE, Lane, LaneLost, Step, parks

log = logging.getLogger(__name__)

LONG_AGO = -inf

TRUE_FOR = 1.0
"""Seconds for which a mark tells truly enough when its call left."""

LOOKS = 9
"""Failed look-ups after which a delivery in doubt is given up on: as many as a post is tried."""


class Sender:
    """Takes the head of a lane through one attempt."""

    def __init__(
        self,
        inbox: StoreInbox,
        carriers: Mapping[Leg, Carrier],
        clock: Clock,
        patience: Mapping[Leg, Patience] | None = None,
    ) -> None:
        self._inbox = inbox
        self._carriers = carriers
        self._clock = clock
        self._patience = {**PATIENCE, **(patience or {})}
        self.ends = Ends(inbox, clock)
        self.stopping = False

    async def one(self, lane: Lane) -> None:
        """Take the head of a lane one step further."""
        head = lane.queue[0]
        if head.progress is Progress.DEAD:
            lane.park(None if self._may_do_harm(head) else LONG_AGO)
            return
        losses = lane.losses
        try:
            await self._try(lane, head)
        except StoreUnavailable:
            lane.unmark(head)
            await self._clock.sleep(STORE_PAUSE)
        except LaneLost:
            log.warning("lane lost", extra={"action": "lane_lost", "delivery": head.id})
            if lane.losses != losses:
                return
            # Should a shard still be ours, it counts as gained and is read anew.
            for shard in set(map(shard_of, lane.queue)):
                self._inbox.owned.pop(shard, None)
            lane.keep_only(())

    def _may_do_harm(self, dead: Delivery) -> bool:
        """Whether it cannot be read, or may be what ends the program: no attempt of it ended."""
        is_worn = dead.attempts >= self._patience[dead.leg].most_lost
        return isinstance(dead.payload, Undecoded) or (is_worn and dead.attempted_at is not None)

    async def _try(self, lane: Lane, head: Delivery) -> None:
        try:
            await self._attempt(lane, head)
        except (StoreUnavailable, LaneLost):
            raise
        except Exception:
            log.exception("carrier failed", extra={"action": "carrier_failed", "delivery": head.id})
            if lane.is_at_head(head):
                await self._again(lane, lane.queue[0], TryAgain("internal error"))

    async def _attempt(self, lane: Lane, head: Delivery) -> None:
        carrier = self._carriers[head.leg]
        if not await self._may_leave(lane, head, carrier):
            return
        await carrier.turn(head)
        if not lane.is_as_left(head):
            return
        if self._clock.monotonic() > self._inbox.owned_until:
            await self._clock.wait(self._inbox.renewed, STORE_PAUSE)
            return
        group = lane.group(carrier.merges)
        marked = await self._mark(lane, head, alone=len(group) == 1)
        if not lane.replace(head, marked):
            return
        lane.fresh = None
        await self._send(lane, (marked, *group[1:]), carrier)

    async def _may_leave(self, lane: Lane, head: Delivery, carrier: Carrier) -> bool:
        """Wait until the head is due and in no doubt; False when there is nothing to send."""
        if isinstance(head.payload, Undecoded):
            await self._dead(lane, head, Death(head.payload.why, for_good=True))
            return False
        wait = head.due_at - self._clock.now()
        if wait > 0:
            await self._clock.sleep(wait)
        if self.stopping or not lane.is_as_left(head):
            return False
        if head.attempted_at is None or lane.fresh == head.id:
            return True
        must = head.leg not in VISIBLE_ONCE or await self._settle_doubt(lane, head, carrier)
        if must and head.attempts >= self._patience[head.leg].most_lost:
            await self._dead(lane, head, UNANSWERED)
            return False
        return must

    async def _mark(self, lane: Lane, head: Delivery, *, alone: bool) -> Delivery:
        """Note that the head is being sent, and store it where that matters.

        What was stored as being sent when it was made needs no other mark, unless it had to wait
        for its turn or takes others along: what came since would not be looked for in its post.
        """
        now, is_fresh = self._clock.now(), lane.fresh == head.id
        if is_fresh and alone and now <= (head.attempted_at or 0.0) + TRUE_FOR:
            return head
        attempts = head.attempts if is_fresh else head.attempts + 1
        marked = head.moved(Progress.SENDING, attempts=attempts, attempted_at=now)
        if lane.marks(head):
            stored = await self._stored(marked)
            if isinstance(stored, Declined):
                raise LaneLost
        return marked

    async def _send(self, lane: Lane, group: tuple[Delivery, ...], carrier: Carrier) -> None:
        head = group[0]
        try:
            carried = await in_doubt(carrier.carry(group))
        except TryAgain as problem:
            await self._again(lane, head, problem)
        except Uncertain as problem:
            await self._doubt(lane, head, problem)
        except Refused as problem:
            await self._dead(lane, head, Death(problem.why, lost_thread=problem.lost_thread))
        else:
            await self._arrived(lane, group, carried)

    async def _arrived(self, lane: Lane, group: tuple[Delivery, ...], carried: Carried) -> None:
        head = group[0]
        if carried.more:
            done = head.parts_done + 1
            onward = head.moved(
                Progress.QUEUED, parts_done=done, due_at=0.0, attempts=0, attempted_at=None
            )
            if lane.replace(head, onward):
                await self._stored(onward)
            return
        gone = {d.id for d in group}
        self.ends.remember(gone)
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
        recorded = self.ends.record(fact)
        if carried.matters:
            await recorded

    def _stored(self, moved: Delivery) -> "asyncio.Future[Verdict]":
        """Store that a delivery moved, under the lease that is held now and no later one."""
        epoch = self._inbox.owned.get(shard_of(moved), NOT_OURS)
        return self._inbox.put(Step((Settlement(moved),), epoch))

    async def _again(self, lane: Lane, head: Delivery, problem: TryAgain) -> None:
        """Surely not delivered: wait and try again, or give up after too many attempts.

        When the platform says how long to wait, the attempt does not count.
        """
        patience = self._patience[head.leg]
        told = problem.after is not None and patience.waits_when_told
        attempts = head.attempts - 1 if told else head.attempts
        if attempts >= patience.attempts:
            await self._dead(lane, head, Death(problem.why))
            return
        delay = problem.after if problem.after is not None else patience.delay(max(attempts, 1))
        waiting = replace(
            head,
            progress=Progress.QUEUED,
            attempts=max(attempts, 0),
            due_at=self._clock.now() + delay,
            attempted_at=None,
            error=problem.why,
        )
        lane.fresh = None
        if lane.replace(head, waiting):
            await self._stored(waiting)

    async def _doubt(self, lane: Lane, head: Delivery, problem: Uncertain) -> None:
        log.warning(
            "delivery in doubt",
            extra={"action": "delivery_doubt", "delivery": head.id, "why": problem.why},
        )
        lane.fresh, lane.doubted_at = None, self._clock.now()
        if head.leg not in VISIBLE_ONCE:
            await self._again(lane, head, TryAgain(problem.why))
        elif head.attempts >= self._patience[head.leg].attempts:
            await self._dead(lane, head, Death(problem.why, in_doubt=True))

    async def _settle_doubt(self, lane: Lane, head: Delivery, carrier: Carrier) -> bool:
        """Find out whether the head arrived; returns True when it must be sent (again)."""
        settle = carrier.settle_seconds(head)
        began = head.attempted_at or head.created_at
        # A call that hung may have had its effect at its very end.
        ended = max(began, lane.doubted_at)
        for due in (began + settle / 6, ended + settle):
            wait = due - self._clock.now()
            # The moment may have been noted by a clock that is ahead of ours.
            await self._clock.sleep(min(max(wait, 0.0), settle))
            carried = await self._look(lane, head, carrier)
            if carried is not None:
                await self._arrived(lane, (head, *self._merged(lane, carried)), carried)
                return False
            if not lane.is_at_head(head) or lane.parked:
                return False
            if self._clock.now() - ended >= settle:
                return True
        return True

    def _merged(self, lane: Lane, carried: Carried) -> tuple[Delivery, ...]:
        """Return those behind the head that were found in the same post."""
        behind = list(lane.queue)[1:]
        return tuple(d for d in behind[: len(carried.merged)] if d.id in carried.merged)

    async def _look(self, lane: Lane, head: Delivery, carrier: Carrier) -> Carried | None:
        for attempt in range(1, LOOKS + 1):
            try:
                return await in_doubt(carrier.find(head))
            except (TryAgain, Uncertain) as problem:
                after = problem.after if isinstance(problem, TryAgain) else None
                await self._clock.sleep(after or self._patience[head.leg].delay(attempt))
            except Refused as problem:
                death = Death(problem.why, lost_thread=problem.lost_thread, in_doubt=True)
                await self._dead(lane, head, death)
                return None
        await self._dead(lane, head, Death("could not find out whether it arrived", in_doubt=True))
        return None

    async def _dead(self, lane: Lane, head: Delivery, death: Death) -> None:
        log.error(
            "delivery given up",
            extra={"action": "delivery_dead", "delivery": head.id, "why": death.why},
        )
        attempted_at = head.attempted_at if death.in_doubt else None
        dead = head.moved(Progress.DEAD, error=death.why, attempted_at=attempted_at)
        lane.fresh = None
        if not lane.replace(head, dead):
            return
        if parks(head):
            lane.park(None if death.for_good else self._clock.monotonic())
        else:
            lane.queue.popleft()
        at = self._clock.now()
        await self.ends.record(
            Undeliverable(
                # A delivery that was retried may die again, and that is told again.
                key=f"dead:{head.id}:{head.attempts}:{head.parts_done}:{at:.6f}",
                at=at,
                conversation_id=head.conversation_id,
                delivery=dead,
                why=death.why,
                lost_thread=death.lost_thread,
                probe=lane.probed == head.id,
            )
        )
