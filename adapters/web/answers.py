"""The JSON Schema of everything this side answers; /openapi.json gives them as components.

`shapes.py` makes these values; the tests hold every answer they see against these schemas.
"""

from adapters.web.fields import Schema
from bridge.domain.handoff import Floor, State
from bridge.domain.messages import Role


def record(**properties: Schema) -> Schema:
    """Return the schema of an object with exactly these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer", "minimum": 0}
MAYBE_NUMBER: Schema = {"type": ["integer", "null"], "minimum": 0}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
MAYBE_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
FLOOR: Schema = {"type": "string", "enum": [str(floor) for floor in Floor]}
ROLE: Schema = {"type": "string", "enum": [str(role) for role in Role]}
STATE: Schema = {"type": "string", "enum": [str(state) for state in State]}

_PROBLEM = {"title": TEXT, "status": NUMBER, "detail": TEXT}
_MESSAGE = {
    "id": TEXT,
    "seq": {"type": "integer", "minimum": 1},
    "cursor": {"type": "integer", "minimum": 1},
    "role": ROLE,
    "author": ref("Author"),
    "text": TEXT,
    "attachments": listed(ref("Attachment")),
    "sent_at": MOMENT,
    "edited_at": MAYBE_MOMENT,
    "deleted": FLAG,
}
_FILE = {"id": TEXT, "name": TEXT, "media_type": TEXT, "size": NUMBER}
_STATE = {
    "id": TEXT,
    "floor": FLOOR,
    "epoch": NUMBER,
    "handoff": nullable(ref("Handoff")),
    "cursor": NUMBER,
}

SCHEMAS: dict[str, Schema] = {
    "Problem": {
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "properties": {
            **_PROBLEM,
            "field": {**TEXT, "description": "The field that is to blame."},
            "fields": {**listed(TEXT), "description": "Fields that are not known, five at most."},
            "limit": {**NUMBER, "description": "The most bytes a body, or a file, may have."},
        },
        "required": list(_PROBLEM),
        "additionalProperties": False,
    },
    "FloorProblem": {
        **record(**_PROBLEM, floor=FLOOR, epoch=NUMBER),
        "description": "An answer that came too late: who has the floor now, and its epoch.",
    },
    "BotConflict": {"anyOf": [ref("FloorProblem"), ref("Problem")]},
    "Author": record(name=TEXT, avatar_url=MAYBE_TEXT),
    "File": record(**_FILE),
    "Attachment": record(**_FILE, url=TEXT),
    "Message": record(**_MESSAGE),
    "MessageEvent": record(conversation_id=TEXT, **_MESSAGE, client_id=MAYBE_TEXT),
    "HandoffEvent": record(
        conversation_id=TEXT,
        floor=FLOOR,
        epoch=NUMBER,
        handoff=nullable(record(id=TEXT, state=STATE, trigger=TEXT, teammate=MAYBE_TEXT)),
    ),
    "Messages": record(messages=listed(ref("Message")), cursor=NUMBER, more=FLAG),
    "Handoff": record(
        id=TEXT,
        state=STATE,
        reason={"type": "string", "enum": ["requested", "referred"]},
        teammate=nullable(ref("Author")),
        waiting_since=MAYBE_MOMENT,
        position=MAYBE_NUMBER,
    ),
    "Conversation": record(**_STATE),
    "Config": record(
        name=TEXT,
        accent=MAYBE_TEXT,
        max_text=NUMBER,
        max_attachments=NUMBER,
        max_file_bytes=NUMBER,
        human_available=FLAG,
    ),
    "Session": record(token=TEXT, conversation_id=TEXT, resumed=FLAG, config=ref("Config")),
    "Accepted": record(id=TEXT, seq=NUMBER),
    "HandoffAnswer": record(handoff=nullable(ref("Handoff"))),
    "Ticket": record(ticket=TEXT),
    "Events": {
        "type": "string",
        "description": "Server-sent events. message: id is a cursor, data a Message. state: data "
        "a Conversation. draft: data {text, epoch}, the assistant's answer so far. typing: data "
        "{role, name}. Comments keep the line open.",
    },
    "Bytes": {"type": "string", "format": "binary", "description": "The file's bytes."},
    "BotConversation": record(id=TEXT, epoch=NUMBER),
    "BotAccepted": record(id=TEXT, seq=NUMBER, floor=FLOOR, epoch=NUMBER),
    "Customer": record(
        external_id=MAYBE_TEXT,
        name=MAYBE_TEXT,
        email=MAYBE_TEXT,
        locale=TEXT,
        page_url=MAYBE_TEXT,
        attributes={"type": "object", "additionalProperties": TEXT},
    ),
    "Case": record(
        number=NUMBER,
        desk=TEXT,
        room=TEXT,
        trigger=TEXT,
        rule=TEXT,
        explanation=TEXT,
        evidence=TEXT,
        summary=TEXT,
        urgency=TEXT,
        requested_at=MOMENT,
        claimed_at=MAYBE_MOMENT,
        closed_at=MAYBE_MOMENT,
    ),
    "BotView": record(**_STATE, customer=ref("Customer"), case=nullable(ref("Case"))),
    "Alive": record(status=TEXT),
    "Readiness": record(
        ready=FLAG,
        components={
            "type": "object",
            "additionalProperties": record(state=TEXT, ready=FLAG),
        },
    ),
}
