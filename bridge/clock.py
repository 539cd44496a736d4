"""The real clocks: the only place that reads the time."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

PACE = 0.1
"""Share of its own speed by which a steady clock runs faster or slower to catch up."""


class SystemClock:
    """Time as the machine has it."""

    def now(self) -> float:
        """Return epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def wall(self) -> float:
        """Return epoch seconds as the machine has them."""
        return self.now()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event, or until so many seconds have passed."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return


_ticks = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Seconds since the machine was started, its sleep included where that is told."""


class SteadyClock(SystemClock):
    """Time that never jumps and never goes back: it follows the machine's slowly.

    Everything that waits for a moment, or compares two, goes by it. `ahead` is how much further
    the clock is that several instances go by together.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, ticks: Callable[[], float] = _ticks
    ) -> None:
        self._wall = wall
        self._ticks = ticks
        self._looked = ticks()
        self._offset = wall() - self._looked
        self.ahead = 0.0
        self._follows = False

    def now(self) -> float:
        """Return epoch seconds."""
        ticks = self._ticks()
        # A share of the time that passed: whichever way this is off, time goes on.
        most = (ticks - self._looked) * PACE
        self._offset += max(min(self.off(ticks), most), -most)
        self._looked = ticks
        return ticks + self._offset

    def off(self, ticks: float | None = None) -> float:
        """Return by how much the time to follow is ahead of this clock."""
        return (
            self._wall() + self.ahead - (self._ticks() if ticks is None else ticks) - self._offset
        )

    def follow(self, reference: float, trip: float = 0.0) -> float:
        """Go by another clock from now on; returns how far the machine's is behind it.

        `trip` is the seconds from the question to the answer. Somewhere in between the other clock
        stood at `reference`: half is added the first time, as nobody knows more. Later what was
        known is moved as far as the answer contradicts it, so a slow one cannot spoil it.
        """
        least = reference - self._wall()
        known = self.ahead if self._follows else least + trip / 2
        self.ahead = min(max(known, least), least + trip)
        self._follows = True
        return self.ahead

    def set(self) -> None:
        """Take over at once what is to be followed; only before anything was timed."""
        self._offset += self.off()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._ticks()

    def wall(self) -> float:
        """Return epoch seconds as the machine has them."""
        return self._wall()
