"""From what a detector found to the decision: what is allowed now, and what is remembered."""

from dataclasses import dataclass, replace

from bridge.domain.policy.engine import Policy
from bridge.domain.policy.values import Action, Decision, Memory, Talk

_NOT_DRY = frozenset({"signal.button", "signal.api", "signal.tool"})
"""What people and programs ask for on purpose happens in a dry run too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A detector's proposal; empty urgency and room mean those of the talk."""

    action: Action
    trigger: str = ""
    rule: str = ""
    evidence: str = ""
    score: float = 1.0
    detector: str = ""
    urgency: str = ""
    room: str = ""
    mandatory: bool = False
    explanation: str = ""


def nothing(rule: str = "", explanation: str = "") -> Outcome:
    """Return the proposal to do nothing."""
    return Outcome(Action.NONE, rule=rule, score=0.0, explanation=explanation)


def permitted(memory: Memory, outcome: Outcome, at: float) -> bool:
    """Tell whether a proposal may act now.

    After a person handed back, or the customer declined one, only what is mandatory may; a
    person is offered once for each trigger, and not while an earlier offer has no answer.
    """
    if outcome.mandatory:
        return True
    if at < memory.cool_until:
        return False
    if at < memory.declined_until:
        return outcome.action is Action.ESCALATE and outcome.detector == "model"
    if outcome.action is not Action.OFFER:
        return True
    return not memory.offered and outcome.trigger not in memory.offers.split()


def conclude(
    policy: Policy, talk: Talk, memory: Memory, outcome: Outcome
) -> tuple[Decision, Memory]:
    """Return the decision a proposal leads to, and what is remembered of it."""
    dry = policy.settings.dry_run and outcome.rule not in _NOT_DRY
    action, would = outcome.action, Action.NONE
    explanation = outcome.explanation
    if dry and action in {Action.OFFER, Action.ESCALATE}:
        action, would = Action.TAG, action
        explanation = f"dry run, would {would}: {explanation}"
    decision = Decision(
        action=action,
        trigger=outcome.trigger,
        rule=outcome.rule,
        evidence=outcome.evidence,
        score=outcome.score,
        detector=outcome.detector,
        policy_version=policy.version,
        urgency=outcome.urgency or "normal",
        room=outcome.room or talk.room,
        mandatory=outcome.mandatory,
        explanation=explanation,
        would=would,
        stays=action is Action.ESCALATE and memory.bounces + 1 >= policy.settings.max_bounces,
    )
    return decision, _after(memory, outcome.trigger, action)


def _after(memory: Memory, trigger: str, action: Action) -> Memory:
    if action is Action.OFFER:
        offers = " ".join(dict.fromkeys([*memory.offers.split(), trigger]))
        return replace(memory, offered=trigger, offered_over=False, offers=offers)
    if action is Action.ESCALATE:
        return Memory(turns=memory.turns, since=memory.since, bounces=memory.bounces)
    return memory
