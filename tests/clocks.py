"""A clock that only moves when a test moves it."""

import asyncio
import heapq
from itertools import count

START = 1_800_000_000.0


class HandClock:
    """Time stands still until `advance`; whoever sleeps wakes when his time has come."""

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._number = count()

    def now(self) -> float:
        """Return the time as moved so far."""
        return self._now

    def wall(self) -> float:
        """Return the time as moved so far."""
        return self.now()

    def monotonic(self) -> float:
        """Return the time as moved so far."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved far enough; no time at all still lets others run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._alarm(seconds).wait()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event or for the clock."""
        alarm = self._alarm(seconds) if seconds > 0 else None
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(event.wait())]
        if alarm is None:
            waits.append(asyncio.ensure_future(asyncio.sleep(0)))
        else:
            waits.append(asyncio.ensure_future(alarm.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _alarm(self, seconds: float) -> asyncio.Event:
        alarm = asyncio.Event()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._number), alarm))
        return alarm

    @property
    def next_alarm(self) -> float | None:
        """When the next sleeper wakes, or None."""
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, seconds: float) -> None:
        """Move on and wake whoever is due."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            heapq.heappop(self._sleepers)[2].set()
