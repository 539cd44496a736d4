"""What the customer sees of the state of the conversation, as JSON; messages are elsewhere.

Only what is named here leaves the house. The reason of a handoff is reduced to one of two words,
and where things stand at the desk is never told.
"""

from adapters.messages import Json, author_json
from adapters.moments import rfc3339
from bridge.domain.conversation import Conversation
from bridge.domain.handoff import Handoff, State

WAITING = frozenset({State.REQUESTED, State.WAITING})

REQUESTED, REFERRED = "requested", "referred"
"""Why people were called, in words for the customer: they asked, or we thought it better."""

ASKED_TRIGGERS = frozenset({"human_request"})


def moment(at: float | None) -> str | None:
    """Return a moment as it is written outside, or null."""
    return None if at is None else rfc3339(at)


def is_waiting(handoff: Handoff | None) -> bool:
    """Whether a customer waits for somebody to take this handoff."""
    return handoff is not None and handoff.state in WAITING


def handoff_json(handoff: Handoff | None, position: int | None) -> Json | None:
    """Return a handoff as the customer may know it; `position` is the place in the queue."""
    if handoff is None:
        return None
    waits = is_waiting(handoff)
    return {
        "id": handoff.id,
        "state": handoff.state,
        "reason": REQUESTED if handoff.reason.trigger in ASKED_TRIGGERS else REFERRED,
        "teammate": None if handoff.owner is None else author_json(handoff.owner),
        "waiting_since": moment(handoff.requested_at) if waits else None,
        "position": position,
    }


def state_json(conversation: Conversation, position: int | None) -> Json:
    """Return what `GET /v1/conversation` answers."""
    return {
        "id": conversation.id,
        "floor": conversation.floor,
        "epoch": conversation.epoch,
        "handoff": handoff_json(conversation.handoff, position),
        "cursor": conversation.cursor,
    }


def case_json(conversation: Conversation) -> Json:
    """Return what only the bot API is told: the customer, and the handoff's inside."""
    customer, handoff = conversation.customer, conversation.handoff
    return {
        "customer": {
            "external_id": customer.external_id,
            "name": customer.name,
            "email": customer.email,
            "locale": customer.locale,
            "page_url": customer.page_url,
            "attributes": customer.attributes,
        },
        "case": None if handoff is None else _inside(handoff),
    }


def _inside(handoff: Handoff) -> Json:
    reason = handoff.reason
    return {
        "number": handoff.number,
        "desk": handoff.desk,
        "room": handoff.room,
        "trigger": reason.trigger,
        "rule": reason.rule,
        "explanation": reason.explanation,
        "evidence": reason.evidence,
        "summary": reason.summary,
        "urgency": reason.urgency,
        "requested_at": moment(handoff.requested_at),
        "claimed_at": moment(handoff.claimed_at),
        "closed_at": moment(handoff.closed_at),
    }
