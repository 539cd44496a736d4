"""What follows when the customer, or a bot on the customer's side, does something."""

from dataclasses import replace

from bridge.domain.conversation import Customer
from bridge.domain.delivery import Ask, MarkReplies, PostMessage, PostNotice
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    CustomerRated,
    CustomerSaw,
    CustomerWrote,
    Declined,
    PersonAsked,
    SessionOpened,
    Taken,
    Timer,
)
from bridge.domain.handoff import Floor, Step
from bridge.domain.messages import Author, Message, Role
from bridge.domain.policy import ApiEscalates, AssistantSaid, ButtonPressed, CustomerSaid
from bridge.domain.rules import Place, Rules
from bridge.reactions import decisions, escalation
from bridge.reactions.outcome import Outcome, Said


def opened(outcome: Outcome, fact: SessionOpened, rules: Rules) -> None:
    """Learn what the customer told of themselves; what is not told leaves the known alone."""
    del rules
    known, told = outcome.before.customer, fact.customer
    merged = Customer(
        told.name or known.name,
        told.email or known.email,
        told.locale or known.locale,
        told.page_url or known.page_url,
        told.external_id or known.external_id,
        {**known.attributes, **told.attributes},
    )
    if merged != known or outcome.before.version == 0:
        outcome.change(customer=merged)


def wrote(outcome: Outcome, fact: CustomerWrote, rules: Rules) -> None:
    """Keep the customer's words and pass them to whoever has the floor."""
    outcome.digest = fact.digest
    message = _hear(outcome, fact.text, fact)
    if outcome.open_handoff is not None:
        relay(outcome, message, rules)
        return
    escalated = decisions.weigh(outcome, rules, CustomerSaid(fact.text, fact.at))
    if not escalated and rules.asks:
        outcome.deliver(Ask(message.seq, outcome.epoch))


def _hear(outcome: Outcome, text: str, fact: CustomerWrote | BotWrote) -> Message:
    if outcome.floor is Floor.NOBODY:
        outcome.give_floor(Floor.ASSISTANT)
    name = outcome.before.customer.name or ""
    attachments = fact.attachments if isinstance(fact, CustomerWrote) else ()
    said = Said(Role.CUSTOMER, Author(name), text, attachments)
    if isinstance(fact, BotWrote):
        said = replace(said, sent_at=fact.sent_at, client_id=fact.client_id)
    message = outcome.say(said)
    outcome.verdict = Taken(message.id, message.seq, str(outcome.floor), outcome.epoch)
    return message


def relay(outcome: Outcome, message: Message, rules: Rules) -> None:
    """Pass a message of the customer's side to the thread."""
    outcome.deliver(
        PostMessage(
            message.id,
            message.seq,
            message.role,
            message.author,
            message.text,
            message.attachments,
        )
    )
    outcome.change(mirrored_seq=message.seq)
    if outcome.floor is Floor.TEAMMATE and not _waits_for_answer(outcome):
        outcome.set_timer(Timer.NOBODY_SPOKE, outcome.at + rules.waits.unanswered)


def _waits_for_answer(outcome: Outcome) -> bool:
    """Whether a line of the customer's stood unanswered already: its timer keeps running."""
    for message in reversed(outcome.before.recent):
        if message.role is not Role.SYSTEM:
            return message.role is Role.CUSTOMER
    return False


def asked_for_person(outcome: Outcome, fact: PersonAsked, rules: Rules) -> None:
    """Escalate; asking again while people have the conversation changes nothing."""
    if outcome.open_handoff is None:
        event = (
            ButtonPressed(fact.at)
            if fact.source == "button"
            else ApiEscalates(fact.at, fact.reason, fact.urgency, fact.room)
        )
        place = _wanted_place(rules, fact)
        evidence = fact.evidence or (fact.reason if fact.source == "button" else "")
        decisions.escalate_for(outcome, rules, event, place, fact.summary, evidence)
    handoff = outcome.handoff
    outcome.verdict = Taken(
        handoff.id if handoff else "", outcome.seq, str(outcome.floor), outcome.epoch
    )


def _wanted_place(rules: Rules, fact: PersonAsked) -> Place | None:
    """Return where the caller wants it, if anywhere; a desk alone means its first room."""
    if fact.desk and fact.room:
        return Place(fact.desk, fact.room)
    return next((place for place in rules.places if place.desk == fact.desk), None)


def wants_assistant(outcome: Outcome, fact: AssistantWanted, rules: Rules) -> None:
    """Give the floor back to the assistant on the customer's wish."""
    handoff = outcome.open_handoff
    if handoff is not None:
        outcome.deliver(PostNotice("The customer went back to the assistant."))
        escalation.end(outcome, rules, handoff, Step.HANDED_BACK)
        decisions.people_are_done(outcome, rules, fact.at)
    elif outcome.floor is Floor.NOBODY:
        outcome.give_floor(Floor.ASSISTANT)
        decisions.declined(outcome, rules, fact.at)
    else:
        decisions.declined(outcome, rules, fact.at)
    outcome.verdict = Taken("", outcome.seq, str(outcome.floor), outcome.epoch)


def saw(outcome: Outcome, fact: CustomerSaw, rules: Rules) -> None:
    """Remember how far the customer got, and let the desk show it."""
    before = outcome.before
    shown = min(max(before.shown, fact.shown, fact.read), before.seq)
    read = min(max(before.read, fact.read), before.seq)
    if (shown, read) == (before.shown, before.read):
        return
    outcome.change(shown=shown, read=read)
    wants_marks = before.handoff is not None and rules.can_mark(before.handoff.desk)
    if wants_marks and not before.marking and before.thread is not None:
        outcome.change(marking=True)
        outcome.deliver(MarkReplies())


def rated(outcome: Outcome, fact: CustomerRated, rules: Rules) -> None:
    """Keep a rating, and let the team see it."""
    del rules
    handoff = outcome.handoff
    outcome.record(
        "rating",
        about=fact.about,
        score=fact.score,
        comment=fact.comment,
        handoff_id=handoff.id if handoff else None,
    )
    if fact.about == "teammate" and outcome.before.thread is not None:
        comment = f": {fact.comment}" if fact.comment else "."
        outcome.deliver(PostNotice(f"The customer rated the help {fact.score} of 5{comment}"))


def bot_wrote(outcome: Outcome, fact: BotWrote, rules: Rules) -> None:
    """Take words from an outside bot: the customer's, or an answer while it has the floor."""
    outcome.digest = fact.digest
    if fact.role == Role.CUSTOMER:
        message = _hear(outcome, fact.text, fact)
        if outcome.open_handoff is not None:
            relay(outcome, message, rules)
        elif not fact.past:
            decisions.weigh(outcome, rules, CustomerSaid(fact.text, fact.at))
        verdict = outcome.verdict
        if isinstance(verdict, Taken):
            outcome.verdict = replace(verdict, floor=str(outcome.floor), epoch=outcome.epoch)
        return
    stale = fact.epoch is not None and fact.epoch != outcome.epoch
    if stale or outcome.floor is not Floor.ASSISTANT:
        outcome.verdict = Declined(
            "stale",
            "The assistant no longer has the floor.",
            {"floor": str(outcome.floor), "epoch": outcome.epoch},
        )
        return
    author = Author(fact.name or rules.assistant_name)
    text = rules.policy.strip_markers(fact.text) or fact.text
    message = outcome.say(
        Said(Role.ASSISTANT, author, text, sent_at=fact.sent_at, client_id=fact.client_id)
    )
    outcome.set_timer(Timer.ASSISTANT_SILENT, None)
    if not fact.past:
        decisions.weigh(outcome, rules, AssistantSaid(fact.text, fact.at))
    outcome.verdict = Taken(message.id, message.seq, str(outcome.floor), outcome.epoch)
