"""Marks on relayed replies: how far each got, and a warning on what did not reach the customer.

A warning stays: that the words beside a file that is missing were read does not bring the file.
"""

from collections.abc import Callable

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import Delivery, MarkReplies, Receipt
from bridge.domain.facts import FILE_FAILED
from bridge.domain.messages import Message, Role
from bridge.domain.posts import Amendment, Mark
from bridge.ports.desk import Desk
from bridge.ports.store import Store

MOST_FAILED = 1000
"""Files of one conversation that failed, looked at when its replies are marked."""


class Marks:
    """Brings the marks of a conversation's replies up to date; `check` is the last look before."""

    def __init__(self, desk: Desk, store: Store, check: Callable[[], None]) -> None:
        self._desk = desk
        self._store = store
        self._check = check

    async def bring_up(self, conversation: Conversation, group: tuple[Delivery, ...]) -> Receipt:
        """Make the marks that the deliveries ask for; returns how far the customer's are told."""
        for delivery in group:
            payload = delivery.payload
            if isinstance(payload, MarkReplies) and payload.failed is not None:
                self._check()
                await self._desk.amend(payload.failed, Amendment(mark=Mark.FAILED))
        await self._seen(conversation)
        return Receipt(marked=(conversation.shown, conversation.read))

    async def _seen(self, conversation: Conversation) -> None:
        now, before = (conversation.shown, conversation.read), conversation.marked
        history = await self._store.history(conversation.id, min(before) + 1, max(now))
        failed = await self._failed(conversation) if history else frozenset()
        for message in history:
            mark = _mark_of(message, now, before)
            if mark is not None and message.post is not None and message.post not in failed:
                self._check()
                await self._desk.amend(message.post, Amendment(mark=mark))

    async def _failed(self, conversation: Conversation) -> frozenset[object]:
        records = await self._store.records(conversation.id, FILE_FAILED, MOST_FAILED)
        return frozenset(record.body.get("post") for record in records)


def _mark_of(message: Message, now: tuple[int, int], before: tuple[int, int]) -> Mark | None:
    """Return the mark a reply needs beyond the one it has."""
    if message.role is not Role.TEAMMATE or message.deleted:
        return None
    shown, read = now
    if message.seq <= read:
        return Mark.READ if message.seq > before[1] else None
    return Mark.SHOWN if before[0] < message.seq <= shown else None
