"""What follows from a fact: one match over everything that can happen, and nothing forgotten."""

from typing import assert_never

from bridge.domain.conversation import Conversation
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    CustomerRated,
    CustomerSaw,
    CustomerWrote,
    Delivered,
    Fact,
    FileFailed,
    PersonAsked,
    SessionOpened,
    TeammateActed,
    TeammateAmended,
    TeammateWrote,
    TimerRang,
    Undeliverable,
)
from bridge.domain.messages import Message
from bridge.domain.rules import Rules
from bridge.reactions import customer, delivery, teammate, timer
from bridge.reactions.outcome import Outcome


def react(
    conversation: Conversation, fact: Fact, rules: Rules, about: Message | None = None
) -> Outcome:
    """Return what follows from a fact.

    `about` is the message that an amended post had become, when there is one. Pure: no clock, no
    chance, no outside.
    """
    outcome = Outcome(conversation, fact.key, fact.at, tells=rules.webhooks)
    match fact:
        case CustomerWrote():
            customer.wrote(outcome, fact, rules)
        case TeammateWrote():
            teammate.wrote(outcome, fact, rules)
        case Delivered():
            delivery.delivered(outcome, fact, rules)
        case CustomerSaw():
            customer.saw(outcome, fact, rules)
        case SessionOpened():
            customer.opened(outcome, fact, rules)
        case BotWrote():
            customer.bot_wrote(outcome, fact, rules)
        case TeammateAmended():
            teammate.amended(outcome, fact, about)
        case _:
            _rarer(outcome, fact, rules)
    return outcome


def _rarer(
    outcome: Outcome,
    fact: PersonAsked
    | AssistantWanted
    | CustomerRated
    | TeammateActed
    | FileFailed
    | Undeliverable
    | TimerRang,
    rules: Rules,
) -> None:
    match fact:
        case PersonAsked():
            customer.asked_for_person(outcome, fact, rules)
        case AssistantWanted():
            customer.wants_assistant(outcome, fact, rules)
        case CustomerRated():
            customer.rated(outcome, fact, rules)
        case TeammateActed():
            teammate.acted(outcome, fact, rules)
        case FileFailed():
            teammate.file_failed(outcome, fact, rules)
        case Undeliverable():
            delivery.undeliverable(outcome, fact, rules)
        case TimerRang():
            timer.rang(outcome, fact, rules)
        case _:
            assert_never(fact)
