"""What must happen though nobody asks: timers, leases of shards, news of other instances."""

import asyncio
import logging

from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import Taken, TimerRang
from bridge.domain.ids import ConversationId
from bridge.ports.core import Changed, Clock
from bridge.ports.store import News, Store, TimerSetting
from bridge.relay.batch import Batch
from bridge.relay.courier import Courier
from bridge.relay.inbox import StoreInbox
from bridge.relay.lanes import at_once
from bridge.relay.presence import LivePresence

log = logging.getLogger(__name__)

LONGEST_NAP = 5.0
"""Seconds between looks at the timers when none is due: another instance may have set one."""

LEASE_ROUND = 3.0
"""Seconds between renewals of the shards' leases, well inside the 30 s they last."""

STALLED = 2.0
"""Seconds by which a round may be late before we say that something blocked the event loop."""

LONGEST_CALL = 15.0
"""Seconds of a lease that must be left for a call to begin: its time-out of 10 s and a margin."""


class Chores:
    """The background rounds of one instance."""

    def __init__(
        self,
        store: Store,
        inbox: StoreInbox,
        courier: Courier,
        presence: LivePresence,
        clock: Clock,
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._courier = courier
        self._presence = presence
        self._clock = clock
        self._news: set[ConversationId] = set()
        self._news_of_all = False
        self._unseen: set[ConversationId] = set()
        self._heard = asyncio.Event()
        self._timer_set = asyncio.Event()
        self._next_timer = 0.0

    def noticed(self, batch: Batch) -> None:
        """Look at the timers earlier when a batch set one that is due before the next look, and
        bring the courier what another instance stored for conversations just read.
        """
        if batch.loaded:
            self._unseen |= batch.loaded
            self._heard.set()
        for setting in batch.write.timers:
            if setting.due_at is not None and setting.due_at < self._next_timer:
                self._timer_set.set()

    async def begin(self) -> None:
        """Take the first shards, so that the instance begins with its work in hand."""
        self._store.listen(self._hear)
        await self._renew()

    async def timers(self) -> None:
        """Ring timers when they are due, until cancelled."""
        while True:
            try:
                await self._ring()
            except StoreUnavailable:
                self._next_timer = self._clock.now() + 1.0
            self._timer_set.clear()
            nap = min(max(self._next_timer - self._clock.now(), 0.0), LONGEST_NAP)
            await self._clock.wait(self._timer_set, nap)

    async def _ring(self) -> None:
        now = self._clock.now()
        for setting in await self._store.due_timers(now, self._inbox.owned):
            try:
                verdict = await self._inbox.report(_rang(setting, now))
            except StoreUnavailable:
                # Rung again at the next look; one that cannot be taken holds up no other.
                continue
            if not isinstance(verdict, Taken):
                log.warning("a timer could not ring", extra={"action": "timer_declined"})
        self._next_timer = await self._store.next_timer() or now + LONGEST_NAP
        if self._next_timer <= now:
            # Not ours, or set anew meanwhile: its owner rings it, we look again soon.
            self._next_timer = now + 1.0

    async def leases(self) -> None:
        """Keep the leases, until cancelled."""
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(LEASE_ROUND)
            late = self._clock.monotonic() - before - LEASE_ROUND
            if late > STALLED:
                log.warning(
                    "this process stood still",
                    extra={"action": "stalled", "seconds": round(late, 1)},
                )
            try:
                await self._renew()
                self._inbox.is_storing = True
            except StoreUnavailable:
                self._inbox.is_storing = False
                log.warning("leases not renewed", extra={"action": "lease_late"})

    async def _renew(self) -> None:
        asked_at = self._clock.monotonic()
        tenure = await self._store.tenure()
        owned, before = tenure.owned, self._inbox.owned
        gained = [shard for shard, epoch in owned.items() if before.get(shard) != epoch]
        lost = before.keys() - owned.keys()
        if lost:
            log.info("shards passed on", extra={"action": "shards_lost", "shards": len(lost)})
        hold = self._courier.hold((), gained)
        self._inbox.own(dict(owned), asked_at + tenure.seconds - LONGEST_CALL)
        # Also those whose loss was noticed before: `before` does not name them any more. What is
        # remembered of a shard that was somebody else's in between is not true any more.
        self._courier.keep_only(owned.keys() - set(gained))
        if gained:
            await self._take_over(gained, hold)

    async def _take_over(self, gained: list[int], hold: int) -> None:
        try:
            found = await self._store.deliveries(gained)
        except StoreUnavailable:
            # Gained anew, and read, at the next round.
            for shard in gained:
                self._inbox.owned.pop(shard, None)
            raise
        self._courier.adopt(map(at_once, found), shards=gained, hold=hold)

    def _hear(self, news: News) -> None:
        if news.conversations is None:
            self._news_of_all = True
        else:
            self._news.update(news.conversations)
        self._heard.set()

    async def gossip(self) -> None:
        """Take in what other instances stored, until cancelled."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            try:
                await self._sync_unseen()
                await self._take_in_news()
            except StoreUnavailable:
                self._news_of_all = True
                await self._clock.sleep(1.0)
                self._heard.set()

    async def _sync_unseen(self) -> None:
        unseen, self._unseen = frozenset(self._unseen), set()
        if not unseen:
            return
        hold = self._courier.hold(unseen, ())
        try:
            found = await self._store.deliveries(self._inbox.owned, unseen)
        except StoreUnavailable:
            self._unseen |= unseen
            raise
        self._courier.adopt(found, conversations=unseen, hold=hold)

    async def _take_in_news(self) -> None:
        changed = None if self._news_of_all else frozenset(self._news)
        self._news_of_all, self._news = False, set()
        if changed is not None and not changed:
            return
        self._inbox.forget(changed)
        hold = self._courier.hold(changed or (), ())
        try:
            found = await self._store.deliveries(self._inbox.owned, changed)
        except StoreUnavailable:
            self._unseen |= changed or set()
            raise
        self._courier.adopt(found, conversations=changed or (), hold=hold)
        watched = self._presence.watched()
        for conversation_id in watched if changed is None else watched & changed:
            self._presence.tell(conversation_id, Changed((), None))


def _rang(setting: TimerSetting, now: float) -> TimerRang:
    due_at = setting.due_at or 0.0
    return TimerRang(
        key=f"timer:{setting.conversation_id}:{setting.timer}:{due_at:.6f}",
        at=now,
        conversation_id=setting.conversation_id,
        timer=setting.timer,
        due_at=due_at,
    )
