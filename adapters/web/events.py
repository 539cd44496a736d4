"""The outgoing webhooks as /openapi.json describes them: what is sent, and what answer takes it."""

from typing import Any

from adapters.web.answers import MOMENT, record, ref

Json = dict[str, Any]

EVENTS: dict[str, tuple[str, str]] = {
    "message.created": ("MessageEvent", "Something was said; data is how it stands when sent."),
    "message.updated": ("MessageEvent", "A message was edited or deleted; data is how it stands."),
    "handoff.requested": ("HandoffEvent", "People were called."),
    "handoff.claimed": ("HandoffEvent", "A teammate took it, or took it over."),
    "handoff.resolved": ("HandoffEvent", "A teammate said that it is done."),
    "handoff.handed_back": ("HandoffEvent", "The assistant has the floor again."),
    "handoff.expired": ("HandoffEvent", "Nobody came."),
    "handoff.failed": ("HandoffEvent", "The team cannot be reached."),
}
"""What `data` is, and what happened, by `type`."""

_HEADERS = {
    "webhook-id": ("string", "The same each time an event is sent."),
    "webhook-timestamp": ("integer", "When this attempt was made, in seconds since 1970."),
    "webhook-signature": ("string", "v1, and the signature; several with spaces between."),
}


def webhooks() -> Json:
    """Return the section `webhooks` of the description."""
    return {name: {"post": _operation(name, *told)} for name, told in EVENTS.items()}


def _operation(name: str, schema: str, about: str) -> Json:
    body = record(type={"const": name}, timestamp=MOMENT, data=ref(schema))
    return {
        "summary": about,
        "parameters": [
            {"name": header, "in": "header", "description": what, "schema": {"type": kind}}
            for header, (kind, what) in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"2XX": {"description": "Taken; the body is not read."}},
    }
