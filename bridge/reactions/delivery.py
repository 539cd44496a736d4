"""What follows when a delivery ended: a thread opened, an answer came, something was given up."""

from bridge.domain.delivery import (
    Answer,
    Ask,
    Delivery,
    Leg,
    MarkReplies,
    OpenThread,
    PostMessage,
    PostNotice,
    PostTranscript,
    RefreshCard,
    Undecoded,
)
from bridge.domain.facts import Delivered, Timer, Undeliverable
from bridge.domain.handoff import Floor, Step
from bridge.domain.messages import Author, Role
from bridge.domain.policy import AssistantEscalates, AssistantFailed, AssistantSaid
from bridge.domain.rules import Rules
from bridge.reactions import decisions, escalation
from bridge.reactions.outcome import Outcome, Said


def delivered(outcome: Outcome, fact: Delivered, rules: Rules) -> None:
    """Take what came of a delivery."""
    match fact.delivery.payload:
        case OpenThread():
            _thread_opened(outcome, fact)
        case Ask() as ask:
            _answered(outcome, ask, fact.receipt.answer or Answer(), rules)
        case MarkReplies():
            _marked(outcome, fact, rules)
        case _:
            pass


# A tuple, because a union is made anew each time it is looked at, and this is at every delivery.
_TELLING = (OpenThread, Ask, MarkReplies)


def needs_conversation(delivery: Delivery) -> bool:
    """Whether the end of a delivery says anything to its conversation at all."""
    return isinstance(delivery.payload, _TELLING)


def _thread_opened(outcome: Outcome, fact: Delivered) -> None:
    thread = fact.receipt.thread
    if thread is None:
        return
    outcome.threads.append(thread)
    outcome.change(thread=thread)
    handoff = outcome.open_handoff
    if handoff is not None and handoff.accepts(Step.THREAD_OPENED):
        outcome.step(handoff, Step.THREAD_OPENED)
    if outcome.handoff is not None:
        outcome.deliver(RefreshCard(outcome.handoff.id))


def _marked(outcome: Outcome, fact: Delivered, rules: Rules) -> None:
    before = outcome.before
    done = fact.receipt.marked or before.marked
    behind = done != (before.shown, before.read)
    outcome.change(marked=done, marking=behind)
    if behind and before.handoff is not None and rules.can_mark(before.handoff.desk):
        outcome.deliver(MarkReplies())


def _is_late(outcome: Outcome, ask: Ask) -> bool:
    return outcome.floor is not Floor.ASSISTANT or outcome.epoch != ask.epoch


def _answered(outcome: Outcome, ask: Ask, answer: Answer, rules: Rules) -> None:
    if _is_late(outcome, ask):
        outcome.record("late_answer", seq=ask.seq, epoch=ask.epoch)
        return
    if answer.later:
        outcome.set_timer(Timer.ASSISTANT_SILENT, outcome.at + rules.waits.assistant)
        return
    # A marker that asks for a person is for the policy; the customer sees the words around it.
    text = rules.policy.strip_markers(answer.text)
    if text:
        author = Author(answer.name or rules.assistant_name)
        outcome.say(Said(Role.ASSISTANT, author, text))
    if answer.escalate is not None:
        event = AssistantEscalates(outcome.at, answer.escalate, answer.summary, answer.urgency)
        decisions.escalate_for(outcome, rules, event)
        return
    said = AssistantSaid(
        answer.text, outcome.at, failed=answer.failed, confidence=answer.confidence
    )
    if not decisions.weigh(outcome, rules, said) and answer.verdict is not None:
        decisions.second_opinion(outcome, rules, answer.verdict)


def undeliverable(outcome: Outcome, fact: Undeliverable, rules: Rules) -> None:
    """Make sure that nothing dies silently."""
    if fact.probe and not fact.lost_thread:
        return
    payload = fact.delivery.payload
    outcome.record("undeliverable", delivery_id=fact.delivery.id, why=fact.why)
    if isinstance(payload, Ask):
        _no_answer(outcome, payload, fact.why, rules)
    elif fact.lost_thread and fact.delivery.leg is Leg.DESK:
        _new_thread(outcome)
    elif isinstance(payload, OpenThread):
        _no_thread(outcome, payload, rules)
    elif isinstance(payload, MarkReplies):
        outcome.change(marking=False, marked=(outcome.before.shown, outcome.before.read))
    elif isinstance(payload, Undecoded) and payload.leg is Leg.ASSISTANT:
        _no_answer(outcome, Ask(outcome.before.seq, outcome.epoch), fact.why, rules)
    elif isinstance(payload, PostMessage | PostTranscript) or fact.delivery.leg is Leg.DESK:
        what = "The earlier conversation" if isinstance(payload, PostTranscript) else "A line"
        name = fact.delivery.id
        outcome.deliver(
            PostNotice(
                f"{what} could not be shown here and what follows waits behind it: {fact.why}. It "
                "is tried again every few minutes. An administrator can have it tried at once "
                f"(handoff dead retry {name}) or left out (handoff dead skip {name})."
            )
        )


def _no_answer(outcome: Outcome, ask: Ask, why: str, rules: Rules) -> None:
    if _is_late(outcome, ask):
        return
    if not decisions.weigh(outcome, rules, AssistantFailed(outcome.at, why)):
        outcome.deliver(Ask(ask.seq, outcome.epoch, retry=True))


def _new_thread(outcome: Outcome) -> None:
    """The thread is gone at the desk: one new root, with the whole history under it.

    With no handoff open the next one will ask for it.
    """
    handoff = outcome.open_handoff
    if handoff is None:
        escalation.thread_lost(outcome)
    else:
        outcome.cancelled = frozenset({Leg.DESK})
        outcome.change(thread=None, mirrored_seq=0)
        escalation.open_thread(outcome, handoff)


def _no_thread(outcome: Outcome, payload: OpenThread, rules: Rules) -> None:
    handoff = outcome.open_handoff
    if outcome.before.thread is not None:
        return
    if handoff is None:
        escalation.thread_lost(outcome)
    elif handoff.id == payload.handoff_id:
        escalation.end(outcome, rules, handoff, Step.DESK_LOST)
        decisions.people_are_done(outcome, rules, outcome.at)
    else:
        # The handoff that asked for the root is over, and the next one waits for the same root.
        _new_thread(outcome)
