"""The case card of a handoff, neutral of any desk: what a teammate must know at a glance."""

from bridge.domain.conversation import Conversation, Customer
from bridge.domain.facts import Verb
from bridge.domain.handoff import Handoff, State
from bridge.domain.messages import Message, Role
from bridge.domain.posts import Card

VERBS: dict[State, tuple[Verb, ...]] = {
    State.REQUESTED: (Verb.CLAIM, Verb.RESOLVE, Verb.RETURN),
    State.WAITING: (Verb.CLAIM, Verb.RESOLVE, Verb.RETURN),
    State.ACTIVE: (Verb.RELEASE, Verb.RESOLVE, Verb.RETURN),
    State.RESOLVED: (),
    State.HANDED_BACK: (),
    State.EXPIRED: (),
    State.FAILED: (),
}

MOST_TRIED = 3
TRIED_LENGTH = 280


def _facts(customer: Customer) -> tuple[tuple[str, str], ...]:
    told = (
        ("E-mail", customer.email),
        ("Page", customer.page_url),
        ("Language", customer.locale),
        ("Customer id", customer.external_id),
        *customer.attributes.items(),
    )
    return tuple((label, value) for label, value in told if value)


def _tried(messages: tuple[Message, ...]) -> tuple[str, ...]:
    said = [m.text for m in messages if m.role is Role.ASSISTANT and not m.deleted]
    return tuple(_short(text) for text in said[-MOST_TRIED:])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TRIED_LENGTH else line[: TRIED_LENGTH - 1] + "…"


def case_card(conversation: Conversation, handoff: Handoff, said: tuple[Message, ...]) -> Card:
    """Return the card; `said` are the messages up to the escalation, oldest first."""
    reason = handoff.reason
    return Card(
        handoff.id,
        handoff.number,
        handoff.state,
        handoff.is_open,
        conversation.customer.name or "Visitor",
        reason.explanation,
        reason.evidence,
        reason.summary,
        reason.urgency,
        handoff.owner.name if handoff.owner else None,
        handoff.requested_at,
        handoff.changed_at,
        _facts(conversation.customer),
        _tried(said),
        VERBS[handoff.state],
    )
