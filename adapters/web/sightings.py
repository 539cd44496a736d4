"""Telling the core what customers' pages displayed, at most once a second per conversation.

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


class Sightings:
    """The highest seq displayed that was not told yet, by conversation."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._due: dict[ConversationId, int] = {}

    def shown(self, conversation_id: ConversationId, seq: int) -> None:
        """Note that everything up to `seq` was displayed."""
        if seq > self._due.get(conversation_id, 0):
            self._due[conversation_id] = seq

    async def tell(self) -> None:
        """Report what is due."""
        if not self._due:
            return
        due, self._due = self._due, {}
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
