"""What was given up on and is tried again, or left out for good, by its operator or by a probe."""

import asyncio
import logging

from bridge.domain.delivery import Delivery, Progress
from bridge.domain.facts import Taken
from bridge.domain.ids import DeliveryId
from bridge.ports.store import Settlement, Store
from bridge.relay.courier import Courier
from bridge.relay.inbox import StoreInbox
from bridge.relay.lanes import PATIENCE, Step

log = logging.getLogger(__name__)


class Reviver:
    """Moves dead deliveries on."""

    def __init__(self, store: Store, inbox: StoreInbox, courier: Courier) -> None:
        self._store = store
        self._inbox = inbox
        self._courier = courier
        self._reviving = asyncio.Lock()

    async def retry(self, delivery_id: DeliveryId) -> bool:
        """Try a dead delivery again; returns False when there is no such one."""
        return await self._revive(delivery_id, Progress.QUEUED)

    async def skip(self, delivery_id: DeliveryId) -> bool:
        """Give a dead delivery up for good and let its lane go on."""
        return await self._revive(delivery_id, Progress.SKIPPED)

    async def probe(self, dead: Delivery) -> bool:
        """Try a dead delivery once more, without telling of it should it die again."""
        tried = PATIENCE[dead.leg].attempts - 1
        done = await self._revive(dead.id, Progress.QUEUED, tried=tried, probe=True)
        return done or await self._forget(dead)

    async def arrived(self, delivery: Delivery) -> bool:
        """Whether a delivery is stored as arrived."""
        found = await self._store.delivery(delivery.id)
        return found is not None and found.progress is Progress.DELIVERED

    async def _forget(self, dead: Delivery) -> bool:
        """Let a lane go on whose head was mended, or erased, by whoever works on the database."""
        async with self._reviving:
            hold = self._courier.hold((), ())
            found = await self._store.delivery(dead.id) or dead.moved(Progress.SKIPPED)
            is_ours = found.progress in {Progress.DEAD, Progress.SENDING}
            if is_ours or not self._courier.carries(dead):
                return False
            self._courier.release(found, hold, probe=True)
            return True

    async def _revive(
        self, delivery_id: DeliveryId, progress: Progress, *, tried: int = 0, probe: bool = False
    ) -> bool:
        # One after the other, so that two who mend the same one do not both find it dead.
        async with self._reviving:
            hold = self._courier.hold((), ())
            found = await self._store.delivery(delivery_id)
            done = found is not None and found.progress is Progress.DEAD
            if found is not None and done:
                moved = found.moved(progress, attempts=tried, due_at=0.0)
                done = isinstance(await self._inbox.put(Step((Settlement(moved),))), Taken)
                if done:
                    self._courier.release(moved, hold, probe=probe)
        log.warning(
            "delivery revived" if done else "delivery not revived",
            extra={
                "action": "probe" if probe else "revive",
                "delivery": delivery_id,
                "to": str(progress),
            },
        )
        return done
