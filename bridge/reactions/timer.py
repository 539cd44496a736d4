"""What follows when nobody came, nobody spoke, or the assistant stayed silent: no dead end."""

from collections.abc import Callable
from dataclasses import replace

from bridge.domain.delivery import PostNotice, RefreshCard
from bridge.domain.facts import Timer, TimerRang
from bridge.domain.handoff import Floor, State, Step
from bridge.domain.messages import Role
from bridge.domain.policy import AssistantFailed
from bridge.domain.rules import Rules
from bridge.reactions import decisions, escalation
from bridge.reactions.outcome import Outcome


def _minutes(seconds: float) -> str:
    count = max(round(seconds / 60), 1)
    return f"{count} minute{'s' if count > 1 else ''}"


def _nobody_came(outcome: Outcome, rules: Rules) -> None:
    handoff = outcome.open_handoff
    if handoff is None or handoff.state is State.ACTIVE:
        return
    if handoff.reminders >= len(rules.waits.reminders):
        outcome.deliver(PostNotice("Nobody came: the customer was offered other ways."))
        escalation.end(outcome, rules, handoff, Step.EXPIRED)
        decisions.people_are_done(outcome, rules, outcome.at)
        return
    waited = _minutes(outcome.at - handoff.requested_at)
    call = f" {rules.on_call}" if handoff.reminders and rules.on_call else ""
    outcome.deliver(PostNotice(f"A customer has been waiting for {waited}.{call}", loud=True))
    outcome.handoff = replace(handoff, reminders=handoff.reminders + 1)
    escalation.tell_customer(outcome, "still_looking")
    due_at = outcome.at + rules.waits.deadline(handoff.reminders + 1)
    outcome.set_timer(Timer.NOBODY_CAME, due_at)


def _nobody_spoke(outcome: Outcome, rules: Rules) -> None:
    handoff = outcome.open_handoff
    if handoff is None or handoff.state is not State.ACTIVE:
        return
    since = _waiting_since(outcome)
    waited = outcome.at - since
    if waited < rules.waits.unanswered:
        if waited:
            outcome.set_timer(Timer.NOBODY_SPOKE, since + rules.waits.unanswered)
        return
    if waited >= rules.waits.idle:
        outcome.deliver(PostNotice("No answer for too long: back into the queue.", loud=True))
        escalation.release(outcome, rules, handoff, Step.IDLE)
        return
    outcome.deliver(PostNotice(f"The customer has waited {_minutes(waited)} for an answer."))
    outcome.deliver(RefreshCard(handoff.id))
    outcome.set_timer(Timer.NOBODY_SPOKE, outcome.at + max(rules.waits.idle - waited, 1.0))


def _waiting_since(outcome: Outcome) -> float:
    """Return when the customer's oldest unanswered line was sent."""
    since = outcome.at
    for message in reversed(outcome.before.recent):
        if message.role is Role.TEAMMATE:
            break
        if message.role is Role.CUSTOMER:
            since = message.sent_at
    return since


def _assistant_silent(outcome: Outcome, rules: Rules) -> None:
    if outcome.floor is Floor.ASSISTANT:
        event = AssistantFailed(outcome.at, "no answer in time")
        if not decisions.weigh(outcome, rules, event):
            escalation.tell_customer(outcome, "trouble")


BELLS: dict[Timer, Callable[[Outcome, Rules], None]] = {
    Timer.NOBODY_CAME: _nobody_came,
    Timer.NOBODY_SPOKE: _nobody_spoke,
    Timer.ASSISTANT_SILENT: _assistant_silent,
}


def rang(outcome: Outcome, fact: TimerRang, rules: Rules) -> None:
    """Clear the timer that rang, then do what its kind asks for; that may set it anew."""
    outcome.set_timer(fact.timer, None)
    BELLS[fact.timer](outcome, rules)
