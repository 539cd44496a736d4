"""Counting: answers that do not help, questions said again, time that passes.

An exchange (an answer and what the customer says to it) gives at most one strike; an exchange
that went well takes them all away, because strikes are about one problem.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bridge.domain.messages import Role
from bridge.domain.policy.engine import Policy
from bridge.domain.policy.matching import Reading, read_with
from bridge.domain.policy.outcome import Outcome
from bridge.domain.policy.text import clip, fold
from bridge.domain.policy.values import Action, AssistantSaid, Memory, Talk, Turn

TRIGGER = "unresolved"
_FEWEST_WORDS = 4
_LEAST_LETTERS = 3
_LOOKED_BACK = 6
_QUOTED = 200
_CONTENT = re.compile(r"[^\W_]+")
_WHOLE_SCRIPT = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong with an exchange, in our words and in those that were said."""

    what: str
    evidence: str = ""

    def __str__(self) -> str:
        return f"{self.what}: “{self.evidence}”" if self.evidence else self.what


def answered(policy: Policy, memory: Memory, event: AssistantSaid) -> tuple[Memory, Trouble | None]:
    """Count an answer of the assistant; return the memory and, for a strike, what was wrong."""
    # An answer that does not help leaves the offer of a person to be answered.
    over = memory.offered_over or (bool(memory.offered) and not event.failed)
    memory = replace(memory, answers=memory.answers + 1, errors=0, struck=False, offered_over=over)
    trouble = _failure(policy, event)
    return (replace(_strike(memory), struck=True) if trouble else memory), trouble


def _failure(policy: Policy, event: AssistantSaid) -> Trouble | None:
    least = policy.settings.counters.min_confidence
    if event.failed:
        return Trouble("the assistant says it did not help")
    if event.confidence is not None and event.confidence < least:
        return Trouble(f"the assistant is unsure ({event.confidence:.2f})")
    found = read_with(policy.packs, event.text).find("non_answer")
    return Trouble("no answer", found.evidence) if found else None


def heard(
    policy: Policy, talk: Talk, memory: Memory, reading: Reading
) -> tuple[Memory, Trouble | None]:
    """Count a message of the customer; return the memory and, for a strike, what it says."""
    if not memory.answers:
        return memory, None
    if memory.struck:
        return replace(memory, struck=False), None
    trouble = _displeasure(policy, talk, reading)
    return (_strike(memory) if trouble else replace(memory, strikes=0)), trouble


def _displeasure(policy: Policy, talk: Talk, reading: Reading) -> Trouble | None:
    if found := reading.find("negative"):
        return Trouble("says that did not help", found.evidence)
    if reading.has("accept"):
        return None
    text = reading.words.text
    earlier = [turn.text for turn in before(talk, text) if turn.role is Role.CUSTOMER]
    if says_again(text, earlier[-_LOOKED_BACK:], policy.settings.counters.overlap):
        return Trouble("says the same again", text.strip()[:_QUOTED])
    return None


def before(talk: Talk, text: str) -> tuple[Turn, ...]:
    """Return the turns before a message, whether or not the talk already holds it."""
    turns = talk.turns
    own = bool(turns) and turns[-1].role is Role.CUSTOMER and clip(turns[-1].text) == text
    return turns[:-1] if own else turns


def _strike(memory: Memory) -> Memory:
    return replace(memory, strikes=memory.strikes + 1)


def says_again(text: str, earlier: Iterable[str], overlap: float) -> bool:
    """Tell whether a message shares most of its words with an earlier one of its author."""
    words = content(text)
    if len(words) < _FEWEST_WORDS:
        return False
    return any(_overlap(words, content(other)) >= overlap for other in earlier)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    if len(other) < _FEWEST_WORDS:
        return 0.0
    return len(one & other) / len(one | other)


def content(text: str) -> frozenset[str]:
    """Return the words of a message that carry its meaning: not the short ones."""
    words = _CONTENT.findall(fold(clip(text)))
    found = {word for word in words if len(word) >= _LEAST_LETTERS}
    return frozenset(found | {c for word in words for c in _WHOLE_SCRIPT.findall(word)})


def judged(policy: Policy, talk: Talk, memory: Memory, trouble: Trouble | None) -> Outcome | None:
    """Return what the counters ask for: an offer first, a person when it goes on.

    `trouble` is what was wrong this time; without it only turns and minutes are looked at.
    """
    if trouble and (outcome := _struck(policy, memory, trouble)):
        return outcome
    limits = policy.settings.counters
    if limits.turns and memory.turns >= limits.turns:
        return _counted("turns", Action.OFFER, f"{memory.turns} messages and no solution")
    if limits.minutes and talk.floor_minutes >= limits.minutes:
        return _counted("minutes", Action.OFFER, f"{limits.minutes} minutes and no solution")
    return None


def _struck(policy: Policy, memory: Memory, trouble: Trouble) -> Outcome | None:
    """Return what the strikes ask for; a topic that waits for attempts brings its own limit."""
    topic = policy.settings.topics.get(memory.topic)
    most = topic.after if topic else policy.settings.counters.strikes
    left = most - memory.strikes
    if not most or left > 1:
        return None
    action = Action.ESCALATE if left <= 0 else Action.OFFER
    outcome = _counted("strikes", action, f"{_times(memory.strikes)}: {trouble}", trouble.evidence)
    if topic is None:
        return outcome
    return replace(outcome, trigger=memory.topic, urgency=topic.urgency, room=topic.room)


def _times(strikes: int) -> str:
    return "an answer did not help" if strikes == 1 else f"{strikes} answers did not help"


def _counted(rule: str, action: Action, explanation: str, evidence: str = "") -> Outcome:
    return Outcome(
        action,
        TRIGGER,
        f"counter.{rule}",
        evidence,
        detector="counter",
        explanation=explanation,
    )
