"""What a desk refused is tried again now and then: a room that is mended is noticed unattended.

A parked lane waits for its operator, who may be asleep while the bot is invited again, a token is
renewed, an outage ends. So of each room the head of one parked lane is tried once in `PROBE`
seconds, whichever was refused longest ago; when it arrives, the other lanes of the room follow at
once. What is refused again is not told again.
"""

from dataclasses import dataclass

from bridge.domain.delivery import Delivery
from bridge.domain.errors import StoreUnavailable
from bridge.ports.core import Clock
from bridge.relay.courier import Courier
from bridge.relay.lanes import PROBE, Room
from bridge.relay.reviving import Reviver

LOOK = 5.0
"""Seconds between looks at which lanes are parked, and at what came of a probe."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The last probe of a room: when it began, and of which head, as long as it may tell."""

    at: float
    head: Delivery | None = None


class Probes:
    """Probes the rooms that have parked lanes."""

    def __init__(self, courier: Courier, reviver: Reviver, clock: Clock) -> None:
        self._courier = courier
        self._reviver = reviver
        self._clock = clock
        self._last: dict[Room, Probe] = {}

    async def run(self) -> None:
        """Look after parked lanes until cancelled."""
        while True:
            await self._clock.sleep(LOOK)
            try:
                await self._look()
            except StoreUnavailable:
                continue

    async def _look(self) -> None:
        parked = self._courier.parked()
        self._last = {room: probe for room, probe in self._last.items() if room in parked}
        for room, lanes in parked.items():
            for head in await self._due(room, lanes):
                await self._reviver.probe(head)

    async def _due(self, room: Room, lanes: list[tuple[float, Delivery]]) -> list[Delivery]:
        """Return the heads of a room that are to be tried now."""
        now, last = self._clock.monotonic(), self._last.get(room)
        if last is not None and last.head is not None and await self._has_arrived(last.head):
            self._last[room] = Probe(now)
            return [head for _, head in lanes]
        if last is not None and now < last.at + PROBE:
            return []
        since, head = lanes[0]
        if now < since + PROBE:
            return []
        self._last[room] = Probe(now, head)
        return [head]

    async def _has_arrived(self, head: Delivery) -> bool:
        """Whether a probed head arrived; one that was skipped or cancelled says nothing of it."""
        return not self._courier.has(head) and await self._reviver.arrived(head)
