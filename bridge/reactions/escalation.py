"""How the floor passes to people: opening a handoff, taking it, and giving it back.

Every way into a handoff and out of it ends in one of these functions, so that the thread, the
card, the timers, the webhooks and the words to the customer are never forgotten by one of them.
"""

from dataclasses import replace
from datetime import datetime, tzinfo

from bridge.domain.delivery import DESK_LEGS, OpenThread, PostNotice, PostTranscript, RefreshCard
from bridge.domain.facts import Timer
from bridge.domain.handoff import Handoff, Reason, Step
from bridge.domain.messages import Author, Message, Role
from bridge.domain.rules import Place, Rules
from bridge.domain.texts import words
from bridge.reactions.outcome import Outcome, Said

SYSTEM = Author("")


def tell_customer(outcome: Outcome, key: str, **values: str) -> Message:
    """Say one of our own texts to the customer."""
    text = words(key, outcome.before.customer.locale, **values)
    return outcome.say(Said(Role.SYSTEM, SYSTEM, text))


def event_body(outcome: Outcome) -> dict[str, object]:
    """Return the plain JSON that outgoing webhooks about the handoff carry."""
    handoff = outcome.handoff
    return {
        "conversation_id": outcome.conversation_id,
        "floor": str(outcome.floor),
        "epoch": outcome.epoch,
        "handoff": None
        if handoff is None
        else {
            "id": handoff.id,
            "state": str(handoff.state),
            "trigger": handoff.reason.trigger,
            "teammate": handoff.owner.name if handoff.owner else None,
        },
    }


def announce(outcome: Outcome, rules: Rules, event: str) -> None:
    """Tell the outgoing webhooks about the handoff, where they are wanted."""
    if rules.webhooks:
        outcome.webhook(event, event_body(outcome))


def request(outcome: Outcome, rules: Rules, reason: Reason, place: Place | None = None) -> Handoff:
    """Open a handoff, or return the one that is open; `place` overrides the first room.

    A later handoff continues the thread, wherever it was wanted: it is in that thread's room, as
    long as that is one of ours.
    """
    if outcome.open_handoff is not None:
        return outcome.open_handoff
    where = (
        _standing(outcome, rules) or place or (rules.places[0] if rules.places else Place("", ""))
    )
    handoff = outcome.new_handoff(reason, where.desk, where.room)
    announce(outcome, rules, "handoff.requested")
    if not where.desk:
        return _nobody_reachable(outcome, rules, handoff)
    _put_in_thread(outcome, handoff)
    _say_what_happens(outcome, rules)
    outcome.set_timer(Timer.NOBODY_CAME, outcome.at + rules.waits.deadline(0))
    return outcome.handoff or handoff


def _standing(outcome: Outcome, rules: Rules) -> Place | None:
    """Return where the conversation's thread is, or will be: its root may still be on its way."""
    last, before = outcome.handoff, outcome.before
    if last is None or (before.thread is None and not before.mirrored_seq):
        return None
    where = Place(last.desk, last.room)
    return where if where in rules.places else None


def _nobody_reachable(outcome: Outcome, rules: Rules, handoff: Handoff) -> Handoff:
    failed = outcome.step(handoff, Step.DESK_LOST)
    tell_customer(outcome, "unreachable")
    announce(outcome, rules, "handoff.failed")
    return failed


def _put_in_thread(outcome: Outcome, handoff: Handoff) -> None:
    if outcome.before.thread is None:
        open_thread(outcome, handoff)
        return
    outcome.step(handoff, Step.THREAD_OPENED)
    outcome.deliver(RefreshCard(handoff.id))
    why = f"The customer needs a person again: {handoff.reason.explanation}"
    outcome.deliver(PostNotice(why, loud=True))
    mirror(outcome, outcome.before.mirrored_seq + 1)


def open_thread(outcome: Outcome, handoff: Handoff) -> None:
    """Enqueue a new thread with the whole history under its card.

    What is mirrored already waits behind a root that an earlier handoff asked for.
    """
    outcome.deliver(OpenThread(handoff.id))
    mirrored = outcome.changes.get("mirrored_seq", outcome.before.mirrored_seq)
    mirror(outcome, int(str(mirrored)) + 1)


def thread_lost(outcome: Outcome) -> None:
    """There is no thread, nor will the one asked for come: nothing is in it or waits for it."""
    outcome.cancelled = DESK_LEGS
    outcome.change(thread=None, mirrored_seq=0)


def mirror(outcome: Outcome, from_seq: int) -> None:
    """Show the team what was said from a place in the log on."""
    if outcome.seq >= from_seq:
        outcome.deliver(PostTranscript(from_seq, outcome.seq))
    outcome.change(mirrored_seq=outcome.seq)


def _say_what_happens(outcome: Outcome, rules: Rules) -> None:
    hours = rules.policy.hours
    if hours is None or hours.is_open(outcome.at):
        tell_customer(outcome, "looking")
        return
    opening = hours.next_opening(outcome.at)
    when = local_time(opening, hours.zone) if opening is not None else ""
    tell_customer(outcome, "closed_hours", when=when)


def local_time(at: float, zone: tzinfo) -> str:
    """Return an instant as people where the team is would write it: day and time."""
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M (%Z)")


def claim(outcome: Outcome, rules: Rules, handoff: Handoff, owner: Author) -> Handoff:
    """Give a handoff to a teammate: the assistant is silent, the customer is told once who came."""
    handed = outcome.step(handoff, Step.CLAIMED, owner)
    if handoff.owner is not None and handoff.owner != owner:
        outcome.change(epoch=outcome.epoch + 1)
    if owner.who not in handed.joined:
        tell_customer(outcome, "joined", name=owner.name)
        handed = outcome.handoff = replace(handed, joined=(*handed.joined, owner.who))
    outcome.deliver(RefreshCard(handoff.id))
    outcome.set_timer(Timer.NOBODY_CAME, None)
    outcome.set_timer(Timer.NOBODY_SPOKE, outcome.at + rules.waits.unanswered)
    announce(outcome, rules, "handoff.claimed")
    return handed


def release(outcome: Outcome, rules: Rules, handoff: Handoff, step: Step) -> Handoff:
    """Put a handoff back into the queue."""
    waiting = outcome.step(handoff, step)
    tell_customer(outcome, "requeued")
    outcome.deliver(RefreshCard(handoff.id))
    outcome.set_timer(Timer.NOBODY_SPOKE, None)
    outcome.set_timer(Timer.NOBODY_CAME, outcome.at + rules.waits.deadline(waiting.reminders))
    return waiting


ENDINGS: dict[Step, tuple[str, str]] = {
    Step.RESOLVED: ("resolved", "handoff.resolved"),
    Step.HANDED_BACK: ("back", "handoff.handed_back"),
    Step.EXPIRED: ("nobody", "handoff.expired"),
    Step.DESK_LOST: ("unreachable", "handoff.failed"),
}
"""How each end is told to the customer and to the webhooks."""


def end(outcome: Outcome, rules: Rules, handoff: Handoff, step: Step) -> Handoff:
    """Close a handoff for good."""
    text, event = ENDINGS[step]
    closed = outcome.step(handoff, step)
    tell_customer(outcome, text)
    for timer in (Timer.NOBODY_CAME, Timer.NOBODY_SPOKE):
        outcome.set_timer(timer, None)
    if step is Step.DESK_LOST:
        thread_lost(outcome)
    else:
        outcome.deliver(RefreshCard(handoff.id))
    outcome.record("closed", handoff_id=handoff.id, step=str(step))
    announce(outcome, rules, event)
    return closed
