"""After an outage: the threads of open handoffs are read once more.

Slack sends an event again for some minutes only. What was written meanwhile still stands in the
threads; everything in them is reported again, and what had been taken counts once.
"""

import asyncio
import logging

from adapters.slack.desk import SlackDesk
from adapters.slack.errands import NotYet
from adapters.slack.events import Relay
from adapters.slack.people import Unknown
from adapters.slack.refs import DESK, Place, place_of
from bridge.domain.errors import DeliveryError, StoreUnavailable
from bridge.domain.ids import desk_of
from bridge.ports.core import Board

log = logging.getLogger(__name__)

MOST_THREADS = 500
LOOK_BACK_SECONDS = 24 * 3600.0


class CatchUp:
    """Reads the open threads."""

    def __init__(self, desk: SlackDesk, board: Board, relay: Relay) -> None:
        self._board = board
        self._clock = desk.office.clock
        self._desk = desk
        self._relay = relay
        self._under_way = asyncio.Lock()
        self._waiting = False

    async def run(self) -> int:
        """Read what stands in the open threads; returns how many could be read.

        Asked again while it runs, it runs once more; who asks besides that need not wait.
        """
        if self._waiting:
            return 0
        self._waiting = True
        async with self._under_way:
            self._waiting = False
            return await self._read()

    async def _read(self) -> int:
        read = 0
        for waiting in await self._board.queue(MOST_THREADS):
            if waiting.thread is None or desk_of(waiting.thread) != DESK:
                continue
            try:
                await self._thread(place_of(waiting.thread))
                read += 1
            except (DeliveryError, StoreUnavailable, Unknown, NotYet) as error:
                log.warning(
                    "slack.thread_not_read",
                    extra={"action": "catch_up", "why": type(error).__name__},
                )
        log.info("slack.caught_up", extra={"action": "catch_up", "threads": read})
        return read

    async def _thread(self, root: Place) -> None:
        oldest = f"{self._clock.wall() - LOOK_BACK_SECONDS:.6f}"
        async for message in self._desk.messages(root.channel, root, oldest):
            await self._relay.again(root.channel, message)
