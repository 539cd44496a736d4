"""How a delivery of each leg is carried: what is read for it, and which port is called.

A carrier makes at most one visible effect per call. A delivery that needs several posts is carried
part by part; the courier stores how many parts are done in between.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from bridge.domain.delivery import (
    NO_RECEIPT,
    Answer,
    Ask,
    CallWebhook,
    Delivery,
    Receipt,
    TellMessage,
)
from bridge.domain.errors import BridgeError, Refused, Uncertain
from bridge.domain.handoff import Floor
from bridge.domain.messages import Message
from bridge.domain.policy.judge import Verdict
from bridge.ports.assistant import Assistant, Draft, Question
from bridge.ports.core import DraftGrew, Presence
from bridge.ports.store import Store, Unreadable
from bridge.relay.board import StoreBoard
from bridge.relay.lanes import LaneLost

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Carried:
    """How far a call came.

    `more` parts of the delivery follow; `matters` when the conversation must learn of it before
    anything else is sent on the lane; `merged` are the ids of those found in the same post.
    """

    receipt: Receipt = NO_RECEIPT
    more: bool = False
    matters: bool = False
    merged: frozenset[str] = frozenset()


DONE = Carried()


async def in_doubt(call: Awaitable[Result]) -> Result:
    """Return what a call returns; an end nobody expected leaves open whether it had its effect.

    What it needs is read before it leaves: what cannot be read will not be the next time either.
    """
    try:
        return await call
    except Unreadable as problem:
        raise Refused(str(problem)) from problem
    except (BridgeError, LaneLost):
        raise
    except Exception as problem:
        log.exception("carrier failed", extra={"action": "carrier_failed"})
        raise Uncertain("internal error") from problem


class Carrier(Protocol):
    """Carries the deliveries of one or more legs."""

    def is_limited(self, delivery: Delivery) -> bool:
        """Whether the way has a limit on calls."""
        ...

    def is_ready(self, delivery: Delivery) -> bool:
        """Whether it may leave at once."""
        ...

    async def turn(self, delivery: Delivery) -> None:
        """Wait until it may leave."""
        ...

    def merges(self, group: tuple[Delivery, ...], delivery: Delivery) -> bool:
        """Whether a delivery may go in the same call as those before it."""
        ...

    async def carry(self, group: tuple[Delivery, ...]) -> Carried:
        """Make the call; raises `TryAgain`, `Uncertain` or `Refused`, or `LaneLost` before it."""
        ...

    async def find(self, delivery: Delivery) -> Carried | None:
        """Look whether the last attempt arrived; None when it is not there (now)."""
        ...

    def settle_seconds(self, delivery: Delivery) -> float:
        """Return how long an attempt may stay invisible before its absence is believed."""
        ...


class DirectCarrier:
    """What carriers without limits, merging and look-ups have in common."""

    def is_limited(self, delivery: Delivery) -> bool:
        """No limits here."""
        del delivery
        return False

    def is_ready(self, delivery: Delivery) -> bool:
        """Always ready."""
        del delivery
        return True

    async def turn(self, delivery: Delivery) -> None:
        """No waiting."""

    def merges(self, group: tuple[Delivery, ...], delivery: Delivery) -> bool:
        """Nothing goes together."""
        del group, delivery
        return False

    async def find(self, delivery: Delivery) -> Carried | None:
        """Nothing to look for: repeating the call is harmless."""
        del delivery
        return None

    def settle_seconds(self, delivery: Delivery) -> float:
        """Nothing to wait for."""
        del delivery
        return 0.0


SecondOpinion = Callable[[Question], Awaitable[Verdict | None]]
"""Asks the judge about the talk that a question belongs to; None where it is not wanted."""


class AssistantCarrier(DirectCarrier):
    """Asks the assistant. A question is the same under every attempt, so repeating is harmless."""

    def __init__(
        self,
        assistant: Assistant,
        board: StoreBoard,
        presence: Presence,
        judge: SecondOpinion | None = None,
    ) -> None:
        self._assistant = assistant
        self._judge = judge
        self._board = board
        self._presence = presence

    async def carry(self, group: tuple[Delivery, ...]) -> Carried:
        """Ask, unless somebody else has the floor by now."""
        head = group[0]
        ask = head.payload
        conversation = await self._board.conversation(head.conversation_id)
        if not isinstance(ask, Ask) or conversation is None:
            why = "its conversation is gone"
            raise Refused(why)
        if conversation.epoch != ask.epoch or conversation.floor is not Floor.ASSISTANT:
            return Carried(Receipt(answer=Answer()), matters=True)
        turns = tuple(m for m in conversation.recent if m.seq <= ask.seq and not m.deleted)
        question = Question(head.conversation_id, conversation.customer, turns, ask.epoch, head.id)

        def draft(text: str) -> None:
            now = self._board.remembered(head.conversation_id)
            if now is not None and now.epoch == ask.epoch:
                self._presence.tell(head.conversation_id, DraftGrew(text, ask.epoch))

        answer = await self._asked(question, draft)
        return Carried(Receipt(answer=answer), matters=True)

    async def _asked(self, question: Question, draft: Draft) -> Answer:
        """Ask the assistant and, beside it, the judge, whose time budget is the shorter one."""
        if self._judge is None:
            return await self._assistant.answer(question, draft)
        asked = asyncio.gather(self._assistant.answer(question, draft), self._judge(question))
        answer, verdict = await asked
        return replace(answer, verdict=verdict)


class WebhookSender(Protocol):
    """Sends one signed webhook; the delivery id is its idempotency key."""

    async def send(
        self, delivery_id: str, event: str, body: dict[str, object], at: float | None = None
    ) -> None:
        """Send what happened at `at` (epoch seconds); raises `TryAgain` or `Refused`."""
        ...

    async def tell(self, delivery_id: str, told: TellMessage, message: Message, at: float) -> None:
        """Send what became of a message at `at`; raises `TryAgain` or `Refused`."""
        ...


class WebhookCarrier(DirectCarrier):
    """Sends outgoing webhooks, which their receiver can tell apart by id."""

    def __init__(self, sender: WebhookSender | None, store: Store) -> None:
        self._sender = sender
        self._store = store

    async def carry(self, group: tuple[Delivery, ...]) -> Carried:
        """Send it."""
        head, sender = group[0], self._sender
        if sender is not None and isinstance(head.payload, TellMessage):
            await self._tell(sender, head, head.payload)
        elif sender is not None and isinstance(head.payload, CallWebhook):
            await sender.send(head.id, head.payload.event, head.payload.body, head.created_at)
        else:
            why = "no webhook address is set"
            raise Refused(why)
        return DONE

    async def _tell(self, sender: WebhookSender, head: Delivery, told: TellMessage) -> None:
        """Send a message as it is stored now: what was deleted meanwhile is not let out, and of
        what was erased there is nothing to tell.
        """
        for message in await self._store.history(head.conversation_id, told.seq, told.seq):
            await sender.tell(head.id, told, message, head.created_at)
