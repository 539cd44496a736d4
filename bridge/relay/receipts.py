"""Where the posts of deliveries stand, by their receipts: tells a post from a second copy of it."""

from bridge.domain.delivery import Progress
from bridge.domain.ids import DeliveryId, PostRef, ThreadRef
from bridge.ports.store import Settlement, Store

SKEW = 60.0
"""Seconds by which the platform's clock may be behind ours; further apart, nothing is removed."""


class StoreReceipts:
    """Receipts as the store keeps them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def stands_elsewhere(
        self, keys: tuple[str, ...], place: PostRef | ThreadRef, made_at: float
    ) -> bool | None:
        """Whether all that a post with these keys carries stands in another place than this one.

        The first key's receipt names the place; the deliveries merged behind it have none, and
        must be delivered. A receipt names the last part of a delivery only, so nothing is said
        of the parts before it. A post made before its delivery was is another one's of the same
        name, from before a backup was put back.
        """
        if not keys:
            return None
        delivery_id, part = part_of(keys[0])
        first = await self._delivered(delivery_id)
        if first is None or first.receipt is None or first.delivery.parts_done != part:
            return None
        receipt = first.receipt
        known = {*receipt.posts, *((receipt.thread,) if receipt.thread else ())}
        if not known:
            return None
        if place in known or made_at < first.delivery.created_at - SKEW:
            return False
        for key in keys[1:]:
            if await self._delivered(part_of(key)[0]) is None:
                return None
        return True

    async def _delivered(self, delivery_id: DeliveryId) -> Settlement | None:
        found = await self._store.settlement(delivery_id)
        done = found is not None and found.delivery.progress is Progress.DELIVERED
        return found if done else None


def part_of(key: str) -> tuple[DeliveryId, int]:
    """Return the delivery a post's key names, and which of its parts, as `part_key` wrote it."""
    name, dot, part = key.rpartition(".")
    if dot and part.isascii() and part.isdigit():
        return DeliveryId(name), int(part)
    return DeliveryId(key), 0
