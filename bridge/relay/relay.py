"""The relay put together: inbox, courier, chores and views around one store.

The composition root gives it the ports; the tests give it theirs. It starts its background work on
the spawner it is given and on nothing else.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bridge.domain.delivery import DESK_LEGS, Delivery, Leg, Patience
from bridge.domain.policy import Action, Decision
from bridge.domain.policy.judge import Verdict, is_wanted
from bridge.domain.rules import Rules
from bridge.ports.assistant import Assistant, Judge, Question, Summarizer
from bridge.ports.core import Clock
from bridge.ports.desk import Desk
from bridge.ports.store import Store
from bridge.reactions.decisions import talk_of
from bridge.relay.batch import Batch
from bridge.relay.board import StoreBoard
from bridge.relay.carriers import (
    AssistantCarrier,
    Carrier,
    WebhookCarrier,
    WebhookSender,
)
from bridge.relay.chores import Chores
from bridge.relay.courier import Courier, Spawn
from bridge.relay.desk_carrier import DeskCarrier
from bridge.relay.inbox import StoreInbox
from bridge.relay.presence import LivePresence
from bridge.relay.probes import Probes
from bridge.relay.receipts import StoreReceipts
from bridge.relay.reviving import Reviver
from bridge.relay.sending import Sender

log = logging.getLogger(__name__)

Part = TypeVar("Part")

DRAIN = 8.0
"""Seconds a stop may take for calls that are under way; the whole stop stays under 10 s."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The ports to the outside that the relay sends to."""

    desks: Mapping[str, Desk]
    assistant: Assistant
    webhooks: WebhookSender | None = None
    judge: Judge | None = None
    summarizer: Summarizer | None = None


class Relay:
    """Takes facts in and carries deliveries out."""

    def __init__(
        self,
        store: Store,
        rules: Callable[[], Rules],
        outside: Outside,
        clock: Clock,
        patience: Mapping[Leg, Patience] | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.presence = LivePresence()
        self.inbox = StoreInbox(store, rules, self._committed)
        self.board = StoreBoard(store, self.inbox)
        self.receipts = StoreReceipts(store)
        self._outside = outside
        self._rules = rules
        self._patience = patience
        self._courier: Courier | None = None
        self._chores: Chores | None = None
        self._reviver: Reviver | None = None

    @property
    def courier(self) -> Courier:
        """The courier; only there after `begin`."""
        return _begun(self._courier)

    @property
    def reviver(self) -> Reviver:
        """What has dead deliveries tried again; only there after `begin`."""
        return _begun(self._reviver)

    async def begin(self, spawn: Spawn) -> None:
        """Start the background work and take over what the database holds."""
        carriers = self._carriers()
        sender = Sender(self.inbox, carriers, self.clock, self._patience)
        courier = Courier(self.inbox, carriers, self.clock, spawn, sender)
        chores = Chores(self.store, self.inbox, courier, self.presence, self.clock)
        self._courier, self._chores = courier, chores
        self._reviver = Reviver(self.store, self.inbox, courier)
        probes = Probes(courier, self._reviver, self.clock)
        self.inbox.starter = courier.starter
        spawn(self.inbox.run(), "inbox")
        await chores.begin()
        for work, name in (
            (self.store.run(), "store"),
            (sender.ends.run(), "ends"),
            (chores.timers(), "timers"),
            (chores.leases(), "leases"),
            (chores.gossip(), "gossip"),
            (probes.run(), "probes"),
        ):
            spawn(work, name)

    def _carriers(self) -> dict[Leg, Carrier]:
        outside = self._outside
        desk = DeskCarrier(outside.desks, self.store, self.board, self._is_ours, outside.summarizer)
        carriers: dict[Leg, Carrier] = dict.fromkeys(DESK_LEGS, desk)
        carriers[Leg.ASSISTANT] = AssistantCarrier(
            outside.assistant,
            self.board,
            self.presence,
            self._second_opinion if outside.judge is not None else None,
        )
        carriers[Leg.WEBHOOK] = WebhookCarrier(outside.webhooks, self.store)
        return carriers

    def _is_ours(self, head: Delivery) -> bool:
        """Whether a lane was this instance's ever since its head was begun, and will be so until a
        call would end.
        """
        return self.clock.monotonic() <= self.inbox.owned_until and self.courier.carries(head)

    async def _second_opinion(self, question: Question) -> Verdict | None:
        """Ask the judge about a question's talk, where the policy wants it."""
        judge, policy = self._outside.judge, self._rules().policy
        talk = talk_of(question.turns, question.customer.locale)
        if judge is None or not is_wanted(policy, talk, Decision(Action.NONE)):
            return None
        return await judge.verdict(policy, talk)

    def _committed(self, batch: Batch) -> None:
        self.presence.publish(batch)
        if self._courier is not None and self._chores is not None:
            self._courier.accept(batch)
            self._chores.noticed(batch)

    async def stop(self) -> None:
        """Finish what is under way; what is stored and not sent waits for the next start."""
        await self.courier.stop(DRAIN)
        await self.inbox.drained()


def _begun(part: Part | None) -> Part:
    if part is None:
        message = "the relay has not begun"
        raise RuntimeError(message)
    return part
