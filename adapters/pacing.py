"""Pacing: platform limits as data, and the queue before each of them.

A `Limit` is a rate and a burst. Each key (a room, a method) has a lane of its own, so one that is
slow or paused holds up nobody else. Within a lane the lowest turn goes first, then the earliest.
There is no background task: one of those who wait keeps the time for all of its lane.
"""

import asyncio
import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.ports.core import Clock
from bridge.ports.desk import Turn

MARGIN = 1.01
"""How much wider than the limit calls are spaced, so that one that travels faster than the one
before it does not arrive too early.
"""

MANY_LANES = 4096
"""Above this number of lanes, idle ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`per_second` calls on average, `burst` of them at once; `per_second` None is no limit."""

    per_second: float | None
    burst: int = 1

    @property
    def spacing(self) -> float:
        """Seconds from one call to the next when the burst is used up."""
        return MARGIN / self.per_second if self.per_second else 0.0


NO_LIMIT = Limit(per_second=None)


def per_minute(calls: float, burst: int = 1) -> Limit:
    """Return a limit of so many calls a minute."""
    return Limit(calls / 60.0, burst)


@dataclass(slots=True, order=True)
class _Waiter:
    turn: int
    number: int
    woken: asyncio.Event = field(compare=False, default_factory=asyncio.Event)
    granted: bool = field(compare=False, default=False)
    gone: bool = field(compare=False, default=False)


@dataclass(slots=True)
class _Lane:
    """One key's allowance: `next_at` is when the next call is due if all keep the spacing."""

    limit: Limit
    next_at: float = 0.0
    paused_until: float = 0.0
    waiting: list[_Waiter] = field(default_factory=list)
    timekeeper: _Waiter | None = None

    def delay(self, now: float) -> float:
        """Return the seconds until a call is allowed; zero or less means now."""
        early = (self.limit.burst - 1) * self.limit.spacing
        return max(self.next_at - early, self.paused_until) - now

    def take(self, now: float) -> None:
        self.next_at = max(self.next_at, now) + self.limit.spacing

    def give_back(self) -> None:
        self.next_at -= self.limit.spacing

    def best(self) -> _Waiter | None:
        """Return who is next, after dropping those who went away."""
        while self.waiting and self.waiting[0].gone:
            heapq.heappop(self.waiting)
        return self.waiting[0] if self.waiting else None

    def is_idle(self, now: float) -> bool:
        return not self.waiting and self.next_at <= now and self.paused_until <= now


class Lanes:
    """The queues before a set of limits, one lane per key.

    A key that `limits` does not name falls under `default`.
    """

    def __init__(
        self, clock: Clock, default: Limit = NO_LIMIT, limits: Mapping[str, Limit] | None = None
    ) -> None:
        self._clock = clock
        self._default = default
        self._limits = dict(limits or {})
        self._lanes: dict[str, _Lane] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._lanes)

    def ready(self, key: str) -> bool:
        """Return whether a call under `key` would be allowed at once."""
        lane = self._lanes.get(key)
        return lane is None or (lane.best() is None and lane.delay(self._clock.monotonic()) <= 0)

    async def admit(self, key: str, turn: int = 0) -> None:
        """Wait until a call under `key` is allowed. Giving up the wait costs no allowance."""
        lane = self._lane(key)
        now = self._clock.monotonic()
        if lane.delay(now) <= 0 and lane.best() is None:
            lane.take(now)
            return
        self._count += 1
        waiter = _Waiter(turn, self._count)
        heapq.heappush(lane.waiting, waiter)
        try:
            await self._wait(lane, waiter)
        except BaseException:
            _leave(lane, waiter)
            raise

    def pause(self, key: str, seconds: float) -> None:
        """Allow nothing under `key` for so many seconds; a longer pause stays."""
        lane = self._lane(key)
        lane.paused_until = max(lane.paused_until, self._clock.monotonic() + seconds)

    def _lane(self, key: str) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            self._forget_idle()
            lane = self._lanes[key] = _Lane(self._limits.get(key, self._default))
        return lane

    def _forget_idle(self) -> None:
        if len(self._lanes) < MANY_LANES:
            return
        now = self._clock.monotonic()
        self._lanes = {key: lane for key, lane in self._lanes.items() if not lane.is_idle(now)}

    async def _wait(self, lane: _Lane, waiter: _Waiter) -> None:
        while not waiter.granted:
            if lane.timekeeper is None:
                lane.timekeeper = waiter
                try:
                    await self._keep_time(lane, waiter)
                finally:
                    _hand_over(lane)
            else:
                waiter.woken.clear()
                await waiter.woken.wait()

    async def _keep_time(self, lane: _Lane, me: _Waiter) -> None:
        while not me.granted:
            delay = lane.delay(self._clock.monotonic())
            if delay > 0:
                await self._clock.sleep(delay)
                continue
            best = lane.best()
            if best is None:  # pragma: no cover - the timekeeper itself waits
                return
            lane.take(self._clock.monotonic())
            heapq.heappop(lane.waiting)
            best.granted = True
            best.woken.set()


def _hand_over(lane: _Lane) -> None:
    """Let somebody else of the lane keep the time."""
    lane.timekeeper = None
    following = lane.best()
    if following is not None:
        following.woken.set()


def _leave(lane: _Lane, waiter: _Waiter) -> None:
    if waiter.granted:
        lane.give_back()
    waiter.gone = True
    if lane.timekeeper is None:
        _hand_over(lane)


class RoomPacer:
    """The `Pacer` of a desk whose rooms all have the same limit; `NO_LIMIT` still pauses."""

    def __init__(self, clock: Clock, limit: Limit = NO_LIMIT) -> None:
        self._lanes = Lanes(clock, limit)

    def ready(self, room: str) -> bool:
        """Return whether a turn would be granted at once."""
        return self._lanes.ready(room)

    async def turn(self, room: str, turn: Turn) -> None:
        """Wait for a turn in `room`."""
        await self._lanes.admit(room, turn)

    def pause(self, room: str, seconds: float) -> None:
        """Grant no turn in `room` for so long."""
        self._lanes.pause(room, seconds)
