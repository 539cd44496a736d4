"""What the customer sees: messages and the state of the conversation as JSON.

Only what is named here leaves the house. A `Note` has no shape at all, the reason of a handoff is
reduced to one of two words, and where things stand at the desk is never told.
"""

from adapters.moments import rfc3339
from bridge.domain.conversation import Conversation
from bridge.domain.handoff import Handoff, State
from bridge.domain.messages import Attachment, Author, Message

Json = dict[str, object]

WAITING = frozenset({State.REQUESTED, State.WAITING})

REQUESTED, REFERRED = "requested", "referred"
"""Why people were called, in words for the customer: they asked, or we thought it better."""

ASKED_TRIGGERS = frozenset({"human_request"})


def moment(at: float | None) -> str | None:
    """Return a moment as it is written outside, or null."""
    return None if at is None else rfc3339(at)


def author_json(author: Author) -> Json:
    """Return whom a message is shown under."""
    return {"name": author.name, "avatar_url": author.avatar_url}


def attachment_json(attachment: Attachment) -> Json:
    """Return a file as its upload is answered."""
    return {
        "id": attachment.id,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.size,
    }


CUSTOMER_FILES = "/v1/files"
"""Where the customer's page downloads files."""


def message_json(message: Message, files: str = CUSTOMER_FILES) -> Json:
    """Return a `Message` of the contract; its files are at the address `files`."""
    return {
        "id": message.id,
        "seq": message.seq,
        "cursor": message.cursor,
        "role": message.role,
        "author": author_json(message.author),
        "text": message.text,
        "attachments": [
            {**attachment_json(file), "url": f"{files}/{file.id}"} for file in message.attachments
        ],
        "sent_at": moment(message.sent_at),
        "edited_at": moment(message.edited_at),
        "deleted": message.deleted,
    }


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
