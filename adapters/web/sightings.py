"""Telling the core what customers' pages displayed, at most once a second per conversation.

Each conversation has its moment within the second, so that a thousand pages that display something
do not make a thousand facts at one instant, before which everybody's words would wait.

What could not be told is kept and told with the next; only the highest seq counts, so nothing
grows but by the number of conversations that are being read right now.
"""

import asyncio
import logging

from adapters.web.given import Core
from bridge.domain.errors import BridgeError, StoreUnavailable
from bridge.domain.facts import CustomerSaw
from bridge.domain.ids import ConversationId

log = logging.getLogger(__name__)


MOMENTS = 20
"""Moments in a second at which something is told."""


class Sightings:
    """The highest seq displayed that was not told yet, by conversation."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._due: list[dict[ConversationId, int]] = [{} for _ in range(MOMENTS)]

    def shown(self, conversation_id: ConversationId, seq: int) -> None:
        """Note that everything up to `seq` was displayed."""
        due = self._due[hash(conversation_id) % MOMENTS]
        if seq > due.get(conversation_id, 0):
            due[conversation_id] = seq

    async def tell(self, moment: int) -> None:
        """Report what is due at one of the moments of a second, counted from 0."""
        if not self._due[moment]:
            return
        due, self._due[moment] = self._due[moment], {}
        async with asyncio.TaskGroup() as group:
            for conversation_id, seq in due.items():
                group.create_task(self._tell_one(conversation_id, seq))

    async def _tell_one(self, conversation_id: ConversationId, seq: int) -> None:
        key, at = f"shown:{conversation_id}:{seq}", self._core.clock.now()
        try:
            await self._core.inbox.report(
                CustomerSaw(key=key, at=at, conversation_id=conversation_id, shown=seq)
            )
        except StoreUnavailable:
            log.warning("sighting_postponed", extra={"conversation": conversation_id})
            self.shown(conversation_id, seq)
        except BridgeError:
            log.exception("sighting_dropped", extra={"conversation": conversation_id})
