"""Where the policy is asked, and what its decision means for the conversation.

The policy decides by words and counters alone; here its decision becomes a handoff, an offer or a
record. Its memory is kept in the conversation and nowhere else.
"""

from dataclasses import replace

from bridge.domain.conversation import Conversation
from bridge.domain.handoff import Reason
from bridge.domain.messages import Message, Role
from bridge.domain.policy import (
    Action,
    CustomerSaid,
    Decision,
    Event,
    HandedBack,
    Memory,
    OfferDeclined,
    Talk,
    Turn,
    decide,
)
from bridge.domain.policy.judge import Verdict, add_verdict
from bridge.domain.rules import Place, Rules
from bridge.domain.texts import language
from bridge.reactions import escalation
from bridge.reactions.outcome import Outcome


def talk_of(messages: tuple[Message, ...], locale: str) -> Talk:
    """Return a talk as the policy wants it."""
    turns = tuple(
        Turn(message.role, message.text)
        for message in messages
        if message.role is not Role.SYSTEM and not message.deleted
    )
    return Talk(turns, language(locale))


def _talk(outcome: Outcome) -> Talk:
    return talk_of(outcome.recent, outcome.before.customer.locale)


def _memory(conversation: Conversation, outcome: Outcome) -> Memory:
    kept = outcome.changes.get("memory", conversation.memory)
    return Memory.from_json(kept)  # type: ignore[arg-type]


def _decide(outcome: Outcome, rules: Rules, event: Event) -> Decision:
    memory = _memory(outcome.before, outcome)
    decision, after = decide(rules.policy, _talk(outcome), memory, event)
    if after != memory:
        outcome.change(memory=after.to_json())
    if decision.action is not Action.NONE:
        outcome.record(
            "decision",
            action=str(decision.action),
            trigger=decision.trigger,
            rule=decision.rule,
            evidence=decision.evidence,
            score=decision.score,
            detector=decision.detector,
            policy_version=decision.policy_version,
            would=str(decision.would),
        )
    return decision


def reason_of(decision: Decision, summary: str = "") -> Reason:
    """Return the reason of a handoff as the policy decided it."""
    return Reason(
        decision.trigger,
        decision.rule,
        decision.explanation,
        decision.evidence,
        summary,
        decision.detector,
        decision.score,
        decision.policy_version,
        decision.urgency,
    )


def _quoting(reason: Reason, event: Event) -> Reason:
    """Return the reason as the team is told it: what it quotes are the customer's words or none.

    The policy's evidence may be an assistant's words; the explanation has those too.
    """
    return reason if isinstance(event, CustomerSaid) else replace(reason, evidence="")


def _place(rules: Rules, decision: Decision) -> Place | None:
    """Return the room a rule routes to, at the desk that has it."""
    if not decision.room or not rules.places:
        return None
    return next(
        (place for place in rules.places if place.room == decision.room),
        Place(rules.places[0].desk, decision.room),
    )


def weigh(outcome: Outcome, rules: Rules, event: Event) -> bool:
    """Ask the policy about words just said; returns whether it escalated."""
    decision = _decide(outcome, rules, event)
    if decision.action is Action.ESCALATE:
        reason = _quoting(reason_of(decision), event)
        escalation.request(outcome, rules, reason, _place(rules, decision))
        return True
    if decision.action is Action.OFFER:
        escalation.tell_customer(outcome, "offer")
    return False


def escalate_for(
    outcome: Outcome,
    rules: Rules,
    event: Event,
    place: Place | None = None,
    summary: str = "",
    evidence: str = "",
) -> None:
    """Escalate for something certain: the policy names the reason and keeps its counters.

    What the caller gives as `summary` and `evidence` is told to the teammates as it is; the
    policy has no words of the customer's here.
    """
    decision = _decide(outcome, rules, event)
    if decision.action is Action.ESCALATE:
        reason = reason_of(decision, summary or str(getattr(event, "summary", "")))
        reason = replace(reason, evidence=evidence)
        escalation.request(outcome, rules, reason, place or _place(rules, decision))
    elif decision.action is Action.OFFER:
        escalation.tell_customer(outcome, "offer")
    else:
        escalation.tell_customer(outcome, "trouble")


def second_opinion(outcome: Outcome, rules: Rules, verdict: Verdict) -> None:
    """Let the judge add an escalation where everything else was silent."""
    added = add_verdict(
        rules.policy, _talk(outcome), _memory(outcome.before, outcome), verdict, outcome.at
    )
    if added is None or added[0].action is not Action.ESCALATE:
        return
    decision, memory = added
    outcome.change(memory=memory.to_json())
    escalation.request(outcome, rules, reason_of(decision, verdict.summary))


def people_are_done(outcome: Outcome, rules: Rules, at: float) -> None:
    """Let the policy begin anew after people had the conversation."""
    _decide(outcome, rules, HandedBack(at))


def declined(outcome: Outcome, rules: Rules, at: float) -> None:
    """Let the policy know that the customer prefers the assistant."""
    _decide(outcome, rules, OfferDeclined(at))
