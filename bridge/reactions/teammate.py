"""What follows when a teammate writes, edits, deletes, or uses a verb."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from bridge.domain.conversation import Overtaking
from bridge.domain.delivery import MarkReplies, PostNotice, RefreshCard
from bridge.domain.facts import (
    FILE_FAILED,
    Declined,
    FileFailed,
    Taken,
    TeammateActed,
    TeammateAmended,
    TeammateWrote,
    Timer,
    Verb,
)
from bridge.domain.handoff import Handoff, Reason, State, Step
from bridge.domain.ids import HandoffId, PostRef, handoff_id_of
from bridge.domain.messages import Attachment, Author, Message, Role
from bridge.domain.rules import Rules
from bridge.reactions import decisions, escalation
from bridge.reactions.outcome import Outcome, Said

_TALKERS = frozenset({Role.CUSTOMER, Role.ASSISTANT})

MOST_OVERTAKEN = 50
"""How many edits a conversation keeps that came before the reply they speak of."""


def wrote(outcome: Outcome, fact: TeammateWrote, rules: Rules) -> None:
    """Relay a reply to the customer; the first one claims. A note stays with the team."""
    edited_at, text, files = _as_amended(outcome, fact)
    if fact.note:
        outcome.note(fact.author, fact.text, fact.post)
        return
    if text is None:
        outcome.record("withdrawn", post=fact.post)
        return
    handoff = _taken_over(outcome, rules, fact.author)
    if not _follows_a_reply(outcome):
        outcome.set_timer(Timer.NOBODY_SPOKE, None)
    said = Said(Role.TEAMMATE, fact.author, text, files, fact.post, fact.sent_at, edited_at)
    message = outcome.say(said)
    if handoff.replied_at is None:
        outcome.replied(handoff)
    outcome.verdict = Taken(message.id, message.seq, str(outcome.floor), outcome.epoch)


def _follows_a_reply(outcome: Outcome) -> bool:
    """Whether a reply was the last thing said: it stopped the timer, and whatever starts it again
    is said too.
    """
    recent = outcome.recent
    return bool(recent) and recent[-1].role is Role.TEAMMATE


def _as_amended(
    outcome: Outcome, fact: TeammateWrote
) -> tuple[float | None, str | None, tuple[Attachment, ...]]:
    """Return when an edit overtook it, and its text and files then.

    The text is None when it was withdrawn already.
    """
    overtaken = outcome.before.overtaken
    change = overtaken.get(fact.post)
    if change is None:
        return None, fact.text, fact.attachments
    outcome.change(overtaken={k: v for k, v in overtaken.items() if k != fact.post})
    files = _left(fact.attachments, change.files)
    text = None if _is_emptied(fact.attachments, files, change.text) else change.text
    is_edited = fact.sent_at is None or change.at > fact.sent_at
    return change.at if is_edited else None, text, files


def _left(
    attachments: tuple[Attachment, ...], files: tuple[str, ...] | None
) -> tuple[Attachment, ...]:
    """Return the attachments that the desk still has among its `files`.

    One of an earlier version, of which the desk's id is not known, goes with the last of them.
    """
    if files is None:
        return attachments
    return tuple(file for file in attachments if (file.ref in files if file.ref else files))


def _is_emptied(
    before: tuple[Attachment, ...], left: tuple[Attachment, ...], text: str | None
) -> bool:
    """Whether losing its last file leaves nothing of a reply."""
    return bool(before) and not left and not text


def _taken_over(outcome: Outcome, rules: Rules, author: Author) -> Handoff:
    """Return the handoff this reply belongs to, claimed by its author unless somebody has it.

    A reply after the end opens a new handoff: what a person writes always reaches the customer,
    and silences the assistant at once.
    """
    handoff = outcome.open_handoff
    if handoff is None:
        handoff = _follow_up(outcome, author)
    if handoff.owner is None:
        handoff = escalation.claim(outcome, rules, handoff, author)
    return handoff


def _follow_up(outcome: Outcome, author: Author) -> Handoff:
    last, unseen = outcome.handoff, _unseen(outcome)
    if unseen is not None:
        # The next line of the customer's would pass over it, and it would never be shown.
        escalation.mirror(outcome, unseen)
    reason = Reason("teammate", "follow_up", f"{author.name} wrote again")
    return outcome.new_handoff(reason, last.desk if last else "", last.room if last else "")


def _unseen(outcome: Outcome) -> int | None:
    """Return from where on customer and assistant talked unseen by the thread, if they did."""
    if outcome.before.thread is None:
        return None
    recent, first = outcome.recent, outcome.before.mirrored_seq + 1
    if recent and recent[0].seq > first:
        return first
    return next((m.seq for m in recent if m.seq >= first and m.role in _TALKERS), None)


def amended(outcome: Outcome, fact: TeammateAmended, message: Message | None) -> None:
    """Carry an edit or a deletion to the customer, also when it overtook its reply."""
    withdrawn = fact.text is None or fact.note
    text = None if withdrawn else fact.text
    if fact.note and fact.text is not None:
        outcome.note(Author(""), fact.text, fact.post)
    if message is None:
        _remember(outcome, fact.post, Overtaking(fact.at, text, fact.files))
        return
    if message.deleted:
        return
    if message.edited_at is not None and fact.at < message.edited_at:
        # Its words are old, but a file that is gone does not come back.
        text = message.text
    files = _left(message.attachments, fact.files)
    if _is_emptied(message.attachments, files, text):
        text = None
    if text != message.text or files != message.attachments:
        outcome.amend(message, text, files)


def _remember(outcome: Outcome, post: PostRef, change: Overtaking) -> None:
    """Keep the newest change of a reply that has not come yet.

    A withdrawal is for good, of the whole reply as of a file.
    """
    known = outcome.before.overtaken.get(post)
    if known is not None:
        if known.text is None:
            return
        newer = known if known.at > change.at else change
        change = replace(newer, files=_standing(known.files, change.files))
        if change == known:
            return
    kept = {**outcome.before.overtaken, post: change}
    excess = len(kept) - MOST_OVERTAKEN
    outcome.change(overtaken=dict(islice(kept.items(), max(excess, 0), None)))


def _standing(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(file for file in one if file in other)


NO_SUCH = Declined("closed", "There is no such handoff here. Nothing was changed.")


def _closed(handoff: Handoff | None) -> Declined:
    if handoff is None:
        return NO_SUCH
    why = f"This handoff is already closed ({_words(handoff.state)}). Nothing was changed."
    return Declined("closed", why)


def _words(state: State) -> str:
    return str(state).replace("_", " ")


def _not_this_one(outcome: Outcome, handoff_id: HandoffId) -> Declined:
    """Say of a button that is not the newest handoff's what is true of it."""
    newest = outcome.handoff
    earlier = range(1, newest.number if newest else 1)
    ids = (handoff_id_of(outcome.conversation_id, number) for number in earlier)
    if newest is None or handoff_id not in ids:
        return NO_SUCH
    where = (
        f"is with {newest.owner.name}"
        if newest.is_open and newest.owner
        else "waits for somebody"
        if newest.is_open
        else f"is over ({_words(newest.state)})"
    )
    what = f"This belongs to an earlier handoff of this conversation; the newest {where}."
    return Declined("closed", f"{what} Nothing was changed.")


def _claim(outcome: Outcome, fact: TeammateActed, rules: Rules, handoff: Handoff) -> None:
    last = handoff.owner
    if last is not None and last.who == fact.author.who:
        outcome.verdict = Declined("stale", "You already have this conversation.")
        return
    escalation.claim(outcome, rules, handoff, fact.author)
    if last is not None:
        outcome.deliver(PostNotice(f"{fact.author.name} has taken this over from {last.name}."))


def _assign(outcome: Outcome, fact: TeammateActed, rules: Rules, handoff: Handoff) -> None:
    if fact.target is None:
        outcome.verdict = Declined("invalid", "Say whom to assign it to: assign @person.")
        return
    if fact.target.who == fact.author.who:
        _claim(outcome, fact, rules, handoff)
        return
    last = handoff.owner
    if last is not None and last.who == fact.target.who:
        outcome.verdict = Declined("stale", f"{last.name} already has this conversation.")
        return
    escalation.claim(outcome, rules, handoff, fact.target)
    had = f"; {last.name} had it" if last is not None and last.who != fact.author.who else ""
    outcome.deliver(PostNotice(f"{fact.author.name} assigned this to {fact.target.name}{had}."))


def _release(outcome: Outcome, fact: TeammateActed, rules: Rules, handoff: Handoff) -> None:
    if not handoff.accepts(Step.RELEASED):
        outcome.verdict = Declined("stale", "Nobody has this conversation, so nothing to release.")
        return
    outcome.deliver(PostNotice(f"{fact.author.name} put this back into the queue."))
    escalation.release(outcome, rules, handoff, Step.RELEASED)


def _resolve(outcome: Outcome, fact: TeammateActed, rules: Rules, handoff: Handoff) -> None:
    outcome.deliver(PostNotice(f"Resolved by {fact.author.name}."))
    escalation.end(outcome, rules, handoff, Step.RESOLVED)
    decisions.people_are_done(outcome, rules, fact.at)


def _return(outcome: Outcome, fact: TeammateActed, rules: Rules, handoff: Handoff) -> None:
    outcome.deliver(PostNotice(f"{fact.author.name} handed this back to the assistant."))
    escalation.end(outcome, rules, handoff, Step.HANDED_BACK)
    decisions.people_are_done(outcome, rules, fact.at)


Act = Callable[[Outcome, TeammateActed, Rules, Handoff], None]

ACTS: dict[Verb, Act] = {
    Verb.CLAIM: _claim,
    Verb.ASSIGN: _assign,
    Verb.RELEASE: _release,
    Verb.RESOLVE: _resolve,
    Verb.RETURN: _return,
}


def acted(outcome: Outcome, fact: TeammateActed, rules: Rules) -> None:
    """Do what a verb says, or decline with the reason."""
    handoff = outcome.open_handoff
    outcome.verdict = Taken(outcome.handoff.id if outcome.handoff else "")
    if fact.verb is Verb.NOTE:
        outcome.note(fact.author, fact.text, None)
        return
    newest = outcome.handoff
    if fact.handoff_id is not None and (newest is None or newest.id != fact.handoff_id):
        outcome.verdict = _not_this_one(outcome, fact.handoff_id)
        return
    if handoff is None:
        outcome.verdict = _closed(newest)
        return
    ACTS[fact.verb](outcome, fact, rules, handoff)
    if isinstance(outcome.verdict, Taken):
        outcome.record("acted", verb=str(fact.verb), teammate=fact.author.ref or fact.author.name)
        outcome.verdict = Taken(handoff.id, outcome.seq, str(outcome.floor), outcome.epoch)


def file_failed(outcome: Outcome, fact: FileFailed, rules: Rules) -> None:
    """Tell both sides that a file could not be passed on, and show it on its reply for good."""
    outcome.record(FILE_FAILED, post=fact.post, why=fact.why)
    outcome.deliver(PostNotice(f"The file {fact.name} did not reach the customer: {fact.why}"))
    escalation.tell_customer(outcome, "file_failed", name=fact.name)
    if outcome.handoff is not None:
        outcome.deliver(RefreshCard(outcome.handoff.id))
        if rules.can_mark(outcome.handoff.desk):
            outcome.deliver(MarkReplies(failed=fact.post))
