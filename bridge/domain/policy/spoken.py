"""What the customer's words say: asks, acceptances, topics, anger; rules first, then a model."""

from collections.abc import Iterator
from dataclasses import replace

from bridge.domain.messages import Role
from bridge.domain.policy.engine import Policy, own_group
from bridge.domain.policy.features import OTHER
from bridge.domain.policy.matching import Finding, Reading, read_with
from bridge.domain.policy.outcome import Outcome
from bridge.domain.policy.settings import Ask, Frustration, Topic
from bridge.domain.policy.values import Action, Memory, Mode, Talk

ASK = "human_request"
FRUSTRATION = "frustration"
_QUOTED = 200
_HEARD = frozenset({Role.ASSISTANT, Role.SYSTEM})

_SAID = {
    ASK: "asked for a person",
    "security": "speaks of fraud, theft or loss",
    "payment_dispute": "disputes a payment",
    "cancellation": "wants to cancel",
    "complaint": "complains",
    "legal": "speaks of legal steps",
    FRUSTRATION: "is angry",
}

ACTIONS = {
    Mode.IMMEDIATE: Action.ESCALATE,
    Mode.OFFER: Action.OFFER,
    Mode.AFTER_ATTEMPTS: Action.TAG,
    Mode.TAG: Action.TAG,
    Mode.OFF: Action.NONE,
}


def said(trigger: str, evidence: str) -> str:
    """Return a trigger in words, with the customer's own."""
    return f"{_SAID.get(trigger, f'speaks of {trigger}')}: “{evidence}”"


def ask(policy: Policy, memory: Memory, reading: Reading, at: float) -> Outcome | None:
    """Return the outcome of an explicit ask for a person.

    Before the assistant had its attempts an ask is answered with an offer; asking again counts.
    Who lately said no to a person, and says it again in the same breath, does not ask for one.
    """
    rule = policy.settings.ask
    if rule.mode is Mode.OFF or (at < memory.declined_until and refuses(reading)):
        return None
    found = reading.find("ask") or reading.find("no_bot")
    if found is None:
        return None
    outcome = _from_rule(ASK, found, ACTIONS[_ask_mode(policy, memory)])
    immediate = rule.mode is Mode.IMMEDIATE
    return replace(outcome, urgency=rule.urgency, room=rule.room, mandatory=immediate)


def _ask_mode(policy: Policy, memory: Memory) -> Mode:
    mode = policy.settings.ask.mode
    early = memory.answers < policy.settings.min_attempts and ASK not in memory.offers.split()
    return Mode.OFFER if early and mode is Mode.IMMEDIATE else mode


def accepted(policy: Policy, talk: Talk, memory: Memory, reading: Reading) -> Outcome | None:
    """Return the outcome of accepting an offer: ours, or one in the assistant's last turn."""
    if not (memory.offered or last_heard(talk)):
        return None
    found = reading.find("accept")
    if found is None or reading.has("decline"):
        return None
    if not _was_asked(policy, talk, memory, strong=reading.has("accept_strong")):
        return None
    trigger = memory.offered or ASK
    outcome = _from_rule(trigger, found, Action.ESCALATE)
    return replace(
        outcome,
        urgency=_urgency(policy, trigger),
        room=_room(policy, trigger),
        mandatory=True,
        explanation=f"accepted the offer of a person: “{outcome.evidence}”",
    )


def _was_asked(policy: Policy, talk: Talk, memory: Memory, *, strong: bool) -> bool:
    """Tell whether a yes or no answers the offer of a person, the assistant's or ours.

    Where the assistant asked for something since we offered, it answers the assistant.
    """
    if memory.offered and not memory.offered_over:
        return True
    last = last_heard(talk)
    if is_offer(policy, last, strong=strong):
        return True
    return bool(memory.offered) and strong and not _asks(policy, last)


def _asks(policy: Policy, text: str) -> bool:
    return bool(last_question(text)) or read_with(policy.packs, text).has("asks")


def _urgency(policy: Policy, trigger: str) -> str:
    return _rule_of(policy, trigger).urgency


def _room(policy: Policy, trigger: str) -> str:
    return _rule_of(policy, trigger).room


def _rule_of(policy: Policy, trigger: str) -> Topic | Ask | Frustration:
    """Return the settings of a trigger; those of an ask for what has none of its own."""
    if trigger == FRUSTRATION:
        return policy.settings.frustration
    return policy.settings.topics.get(trigger, policy.settings.ask)


def declined(policy: Policy, talk: Talk, memory: Memory, reading: Reading) -> bool:
    """Tell whether the customer turns down an offer of a person, or asks not to be handed over."""
    if refuses(reading):
        return True
    return reading.has("decline") and _was_asked(policy, talk, memory, strong=True)


def refuses(reading: Reading) -> bool:
    """Tell whether a message asks not to be handed over."""
    return reading.find("ask_not", kind=".declined") is not None


def last_heard(talk: Talk) -> str:
    """Return what the customer was told last, by the assistant or by us, or nothing."""
    return next((turn.text for turn in reversed(talk.turns) if turn.role in _HEARD), "")


def is_offer(policy: Policy, text: str, *, strong: bool) -> bool:
    """Tell whether a turn offers a person.

    Where it ends by asking something else, a "yes" answers that; an offer that is a mere
    statement needs a `strong` yes.
    """
    if not text or not read_with(policy.packs, text).has("offer"):
        return False
    question = last_question(text)
    return read_with(policy.packs, question).has("anaphora") if question else strong


def last_question(text: str) -> str:
    """Return the last sentence that ends with a question mark, or nothing."""
    plain = text.replace("？", "?").replace("؟", "?")
    end = plain.rfind("?")
    if end < 0:
        return ""
    start = max(plain.rfind(mark, 0, end) for mark in ".!?\n。")
    return plain[start + 1 : end + 1]


def topics(policy: Policy, reading: Reading) -> Iterator[Outcome]:
    """Yield the topics a message speaks of, in the order of the settings."""
    for name, topic in policy.settings.topics.items():
        if topic.mode is Mode.OFF:
            continue
        found = reading.find(name) or (topic.phrases and reading.find(own_group(name)))
        if found:
            yield of_topic(topic, _from_rule(name, found, ACTIONS[topic.mode]))


def of_topic(topic: Topic, outcome: Outcome) -> Outcome:
    """Return an outcome with the urgency and room of its topic."""
    immediate = topic.mode is Mode.IMMEDIATE
    return replace(outcome, urgency=topic.urgency, room=topic.room, mandatory=immediate)


def frustrated(policy: Policy, memory: Memory, reading: Reading) -> tuple[Outcome | None, Memory]:
    """Count an angry message; the second one (by default) brings in a person."""
    rule = policy.settings.frustration
    found = reading.find(FRUSTRATION) if rule.mode is not Mode.OFF else None
    if found is None:
        return None, memory
    hits = memory.frustration + 1
    action = Action.ESCALATE if hits >= rule.hits else ACTIONS[rule.mode]
    outcome = _from_rule(FRUSTRATION, found, action)
    outcome = replace(outcome, urgency=rule.urgency, room=rule.room)
    return outcome, replace(memory, frustration=hits)


def guessed(policy: Policy, memory: Memory, reading: Reading) -> Outcome | None:
    """Return what the model takes a message for, when it is sure enough.

    Where the rules know a look-alike of it in the message, the model is not believed.
    """
    if policy.model is None or not reading.words.words:
        return None
    trigger, score = policy.model.judge(reading.words.words)
    if trigger == OTHER or score < policy.settings.model.threshold:
        return None
    if reading.has("ask_not" if trigger == ASK else f"{trigger}_not"):
        return None
    evidence = reading.words.text.strip()[:_QUOTED]
    plain = Outcome(Action.NONE, trigger, "model.linear", evidence, score, "model")
    plain = replace(plain, explanation=f"{said(trigger, evidence)} (model, {score:.2f})")
    return _with_mode(policy, memory, plain)


def _with_mode(policy: Policy, memory: Memory, outcome: Outcome) -> Outcome | None:
    """Return a model's outcome with the mode of its trigger, or None where that is off."""
    if outcome.trigger == ASK:
        rule, mode = policy.settings.ask, _ask_mode(policy, memory)
        plain = replace(outcome, urgency=rule.urgency, room=rule.room)
        return None if rule.mode is Mode.OFF else replace(plain, action=ACTIONS[mode])
    topic = policy.settings.topics.get(outcome.trigger)
    if topic is None or topic.mode is Mode.OFF:
        return None
    return replace(of_topic(topic, outcome), action=ACTIONS[topic.mode], mandatory=False)


def _from_rule(trigger: str, found: Finding, action: Action) -> Outcome:
    evidence = found.evidence
    return Outcome(
        action,
        trigger,
        found.rule,
        evidence,
        detector="rule",
        explanation=said(trigger, evidence),
    )
