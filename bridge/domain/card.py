"""The case card of a handoff, neutral of any desk: what a teammate must know at a glance."""

from bridge.domain.conversation import Conversation, Customer
from bridge.domain.facts import Verb
from bridge.domain.handoff import Handoff, State
from bridge.domain.posts import Card
from bridge.domain.summary import CaseSummary

VERBS: dict[State, tuple[Verb, ...]] = {
    State.REQUESTED: (Verb.CLAIM, Verb.RESOLVE, Verb.RETURN),
    State.WAITING: (Verb.CLAIM, Verb.RESOLVE, Verb.RETURN),
    State.ACTIVE: (Verb.RELEASE, Verb.RESOLVE, Verb.RETURN),
    State.RESOLVED: (),
    State.HANDED_BACK: (),
    State.EXPIRED: (),
    State.FAILED: (),
}


def _facts(customer: Customer, summary: CaseSummary) -> tuple[tuple[str, str], ...]:
    told = (
        ("E-mail", customer.email),
        ("Page", customer.page_url),
        ("Language", customer.locale),
        ("Customer id", customer.external_id),
        *customer.attributes.items(),
    )
    known = {value for _, value in told if value}
    said = ((fact.label, fact.value) for fact in summary.facts if fact.value not in known)
    return (*((label, value) for label, value in told if value), *said)


def case_card(conversation: Conversation, handoff: Handoff, summary: CaseSummary) -> Card:
    """Return the card; what the one who escalated said of the case goes before the summary."""
    reason = handoff.reason
    return Card(
        handoff.id,
        handoff.number,
        handoff.state,
        handoff.is_open,
        conversation.customer.name or "Visitor",
        reason.explanation,
        reason.evidence,
        reason.summary or summary.text,
        reason.urgency,
        handoff.owner.name if handoff.owner else None,
        handoff.requested_at,
        handoff.changed_at,
        _facts(conversation.customer, summary),
        summary.attempts,
        VERBS[handoff.state],
    )
