"""The decision: certain signals, then rules, then the model, then counters, then topics.

`decide` is pure. The first detector that finds something to do wins; what only deserves a tag is
kept back in case a later one has more to say.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from bridge.domain.policy import certain, counters, spoken
from bridge.domain.policy.engine import Policy
from bridge.domain.policy.matching import Reading, read_with
from bridge.domain.policy.outcome import Outcome, conclude, nothing, permitted
from bridge.domain.policy.values import (
    Action,
    ApiEscalates,
    AssistantEscalates,
    AssistantFailed,
    AssistantSaid,
    ButtonPressed,
    CustomerSaid,
    Decision,
    Event,
    HandedBack,
    HandoffClosed,
    Memory,
    Mode,
    OfferDeclined,
    Talk,
    ThumbsDown,
)


def decide(policy: Policy, talk: Talk, memory: Memory, event: Event) -> tuple[Decision, Memory]:
    """Decide what an event means for a talk.

    Takes the talk before the event and the memory of the last decision; returns the decision and
    the memory to keep. The same values always give the same answer.
    """
    outcome, memory = _react(policy, talk, memory, event)
    return conclude(policy, talk, memory, outcome)


def _react(  # noqa: C901, PLR0911 - one line an event
    policy: Policy, talk: Talk, memory: Memory, event: Event
) -> tuple[Outcome, Memory]:
    match event:
        case CustomerSaid():
            return _customer_said(policy, talk, memory, event)
        case AssistantSaid():
            return _assistant_said(policy, talk, memory, event)
        case ButtonPressed():
            return certain.button(), memory
        case ApiEscalates():
            return certain.api(event), memory
        case AssistantEscalates():
            return certain.tool(event), memory
        case AssistantFailed():
            return certain.failed(policy, memory, event)
        case ThumbsDown():
            return certain.thumbs_down(policy, memory)
        case HandedBack(at=at):
            cool = at + policy.settings.cool_down_seconds
            fresh = Memory(bounces=memory.bounces + 1, cool_until=cool)
            return nothing("memory.handed_back", "a person handed the talk back"), fresh
        case HandoffClosed():
            return nothing("memory.closed", "the handoff ended"), Memory()
        case OfferDeclined(at=at):
            return nothing("memory.declined", "declined a person"), _after_no(policy, memory, at)
        case _:
            assert_never(event)


def _after_no(policy: Policy, memory: Memory, at: float) -> Memory:
    """Return the memory of a customer who wants no person now."""
    until = at + policy.settings.declined_seconds
    return replace(
        memory,
        offered="",
        offered_over=False,
        offers="",
        declined_until=until,
        strikes=0,
        topic="",
    )


def _assistant_said(
    policy: Policy, talk: Talk, memory: Memory, event: AssistantSaid
) -> tuple[Outcome, Memory]:
    memory, trouble = counters.answered(policy, memory, event)
    if sure := certain.announced(policy, event):
        return sure, memory
    found = counters.judged(policy, talk, memory, trouble) if trouble else None
    if found and found.action is Action.OFFER and spoken.is_offer(policy, event.text, strong=False):
        # The assistant has just asked the same: a yes is heard without our asking it again.
        found = replace(found, action=Action.TAG)
    return _chosen(memory, event.at, [found] if found else [])


def _customer_said(
    policy: Policy, talk: Talk, memory: Memory, event: CustomerSaid
) -> tuple[Outcome, Memory]:
    reading = read_with(policy.packs, event.text)
    memory = replace(memory, turns=memory.turns + 1, since=memory.since or event.at)
    if sure := spoken.ask(policy, memory, reading, event.at):
        return sure, memory
    if sure := spoken.accepted(policy, talk, memory, reading):
        return sure, memory
    if spoken.declined(policy, talk, memory, reading):
        memory = _after_no(policy, memory, event.at)
    elif memory.offered:
        memory = replace(memory, offered="", offered_over=False)
    return _chosen_from_words(policy, talk, memory, reading, event.at)


def _chosen_from_words(
    policy: Policy, talk: Talk, memory: Memory, reading: Reading, at: float
) -> tuple[Outcome, Memory]:
    memory, trouble = counters.heard(policy, talk, memory, reading)
    angry, memory = spoken.frustrated(policy, memory, reading)
    named = list(spoken.topics(policy, reading))
    if not named and angry is None and (guess := spoken.guessed(policy, memory, reading)):
        named = [guess]
    memory = _with_topic(policy, memory, named)
    if angry is not None and named:
        angry = _angry_about(named[0], angry)
    count = counters.judged(policy, talk, memory, trouble)
    return _chosen(memory, at, _in_order(named, count, angry))


def _angry_about(topic: Outcome, angry: Outcome) -> Outcome:
    """Return anger about a topic: it does what anger does, under the name of the topic."""
    explanation = f"{topic.explanation}, {angry.explanation}"
    return replace(topic, action=angry.action, urgency=angry.urgency, explanation=explanation)


def _in_order(
    named: list[Outcome], count: Outcome | None, angry: Outcome | None
) -> Iterator[Outcome]:
    """Yield what was found, the surest first: what acts at once, counters, topics, anger."""
    yield from (outcome for outcome in named if outcome.action is Action.ESCALATE)
    if count is not None:
        yield count
    yield from (outcome for outcome in named if outcome.action is not Action.ESCALATE)
    if angry is not None:
        yield angry


def _with_topic(policy: Policy, memory: Memory, named: list[Outcome]) -> Memory:
    """Remember the topic that waits for attempts."""
    waiting = (
        outcome.trigger
        for outcome in named
        if (topic := policy.settings.topics.get(outcome.trigger))
        and topic.mode is Mode.AFTER_ATTEMPTS
    )
    found = next(waiting, "")
    return replace(memory, topic=found) if found and found != memory.topic else memory


def _chosen(
    memory: Memory, at: float, found: Iterator[Outcome] | list[Outcome]
) -> tuple[Outcome, Memory]:
    """Return the first outcome that may act, or the first of all as a tag."""
    kept: Outcome | None = None
    for outcome in found:
        if outcome.action is not Action.TAG and permitted(memory, outcome, at):
            return outcome, memory
        kept = kept or replace(outcome, action=Action.TAG)
    return kept or nothing(), memory
