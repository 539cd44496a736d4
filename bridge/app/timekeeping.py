"""The time the bridge goes by: the database's where instances share one, else the machine's.

Either is followed slowly, so that a clock which is set neither rings timers nor ends waits.
"""

import logging

from bridge.clock import SteadyClock
from bridge.domain.errors import StoreUnavailable
from bridge.ports.store import Store

log = logging.getLogger(__name__)

ROUND = 5.0
"""Seconds between two looks."""

APART = 30.0
"""Seconds between two clocks from which we warn; Slack's signatures stand 300."""


class Timekeeper:
    """Keeps one clock, and says so once when it is far from the machine's."""

    def __init__(self, clock: SteadyClock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._told = False

    async def begin(self) -> None:
        """Take the time over before anything is timed."""
        await self.look()
        self._clock.set()

    async def look(self) -> None:
        """Compare the clocks; raises `StoreUnavailable`."""
        asked = self._clock.monotonic()
        shared = await self._store.time()
        trip = self._clock.monotonic() - asked
        apart = self._clock.off() if shared is None else self._clock.follow(shared, trip)
        if abs(apart) > APART and not self._told:
            log.warning(
                "this machine's clock was set, or is wrong; timers keep to the time as it was",
                extra={"action": "clock_apart", "seconds": round(apart)},
            )
        self._told = abs(apart) > APART

    async def run(self) -> None:
        """Keep the time until cancelled."""
        while True:
            await self._clock.sleep(ROUND)
            try:
                await self.look()
            except StoreUnavailable:
                log.debug("time not compared", extra={"action": "clock_unknown"})
