"""The OpenAPI 3.1 description, made from the tables of calls; nothing else to keep true."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from adapters.web.answers import SCHEMAS, ref
from adapters.web.bot_calls import BOT_CALLS
from adapters.web.calls import Call, Who
from adapters.web.customer_calls import CUSTOMER_CALLS
from adapters.web.events import webhooks
from adapters.web.fields import Field, Fields

Json = dict[str, Any]

CALLS = (*CUSTOMER_CALLS, *BOT_CALLS)

MEANINGS = {
    200: "Done.",
    201: "Made.",
    202: "Taken and stored.",
    204: "Done; there is nothing to say.",
    302: "Go on elsewhere.",
    400: "The request or its body is not what it says it is.",
    401: "The token, key or identity is missing or not valid.",
    403: "The asking site or workspace is not allowed.",
    404: "There is no such thing, or it is not yours.",
    405: "The address does not know the method; Allow names those it knows.",
    408: "The request did not come in time.",
    409: "It contradicts what is stored.",
    413: "The body is too large.",
    415: "The body is of the wrong type.",
    417: "Expect knows 100-continue only.",
    422: "A field is wrong; detail names it and says what would do.",
    429: "Too much at once; Retry-After says when to come again.",
    503: "Nothing can be stored just now; Retry-After says when to come again.",
}

EVERYWHERE = (400, 405, 408, 417, 503)
"""Refusals of the server itself, whatever is called: what is no HTTP, too slow, or too much."""

HEADERS: dict[int, Json] = {
    405: {"Allow": {"description": "The methods there are.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}

SCHEMES: dict[Who, Json] = {
    Who.SESSION: {"type": "http", "scheme": "bearer", "description": "The token of a session."},
    Who.API_KEY: {"type": "http", "scheme": "bearer", "description": "One of HANDOFF_API_KEYS."},
    Who.TICKET: {"type": "apiKey", "in": "query", "name": "ticket"},
}

EVERYBODY: dict[tuple[str, str], tuple[str, str, dict[int, tuple[str, str | None]]]] = {
    ("GET", "/healthz"): (
        "isAlive",
        "Whether the process answers.",
        {200: ("application/json", "Alive")},
    ),
    ("GET", "/readyz"): (
        "isReady",
        "The state of each component.",
        {200: ("application/json", "Readiness"), 503: ("application/json", "Readiness")},
    ),
    ("GET", "/metrics"): (
        "getMetrics",
        "Numbers for Prometheus.",
        {200: ("text/plain", None), 401: ("application/problem+json", "Problem")},
    ),
    ("GET", "/openapi.json"): (
        "getDescription",
        "This description.",
        {200: ("application/json", None)},
    ),
    ("GET", "/widget.js"): ("getWidget", "The widget.", {200: ("text/javascript", None)}),
    ("POST", "/slack/events"): (
        "takeSlackEvent",
        "Signed requests of Slack's: events, interactivity, commands.",
        {
            200: ("application/json", None),
            401: ("application/problem+json", "Problem"),
            403: ("application/problem+json", "Problem"),
            413: ("application/problem+json", "Problem"),
        },
    ),
    ("GET", "/slack/install"): ("installInSlack", "Begin the installation.", {302: ("*/*", None)}),
    ("GET", "/slack/oauth_redirect"): (
        "finishSlackInstallation",
        "Where Slack sends the browser back to.",
        {200: ("text/html", None), 400: ("application/problem+json", "Problem")},
    ),
    ("POST", "/api/messages"): (
        "takeTeamsActivity",
        "Signed requests of the Bot Framework's.",
        {200: ("application/json", None), 401: ("application/problem+json", "Problem")},
    ),
}
"""What is not in the tables of calls, by method and path; told of only where it is mounted."""


def describe(registered: Iterable[tuple[str, str]]) -> Json:
    """Return the description of those of the registered (method, path) that are public."""
    known = {(call.method, call.path): _operation(call) for call in CALLS}
    known |= {key: _plain(*entry) for key, entry in EVERYBODY.items()}
    paths: dict[str, Json] = {}
    for method, path in registered:
        if (method, path) in known:
            paths.setdefault(path, {})[method.lower()] = known[method, path]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "handoff-bridge",
            "version": "1",
            "description": "Refusals are application/problem+json. Unknown fields are refused.",
        },
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": {**SCHEMAS, **_bodies()},
            "securitySchemes": {str(who): scheme for who, scheme in SCHEMES.items()},
        },
    }


def _bodies() -> dict[str, Json]:
    return {call.body.name: call.body.schema() for call in CALLS if call.body is not None}


def _plain(name: str, about: str, answers: dict[int, tuple[str, str | None]]) -> Json:
    responses = {
        str(status): {
            "description": MEANINGS[status],
            "content": {media: {"schema": ref(schema)} if schema else {}},
        }
        for status, (media, schema) in answers.items()
    }
    for status in EVERYWHERE:
        responses.setdefault(str(status), _problem(status, "Problem"))
    return {"operationId": name, "summary": about, "parameters": [], "responses": responses}


def _operation(call: Call) -> Json:
    operation: Json = {
        "operationId": call.name,
        "summary": call.about,
        "parameters": _parameters(call),
        "responses": _responses(call),
        "security": [] if call.who is Who.ANYONE else [{str(call.who): []}],
    }
    if call.body is not None:
        content = {"application/json": {"schema": ref(call.body.name)}}
        operation["requestBody"] = {"required": call.body.needs_any, "content": content}
    if call.uploads:
        operation["requestBody"] = {"required": True, "content": _FORM}
    return operation


_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
            "additionalProperties": False,
        }
    }
}


def problems_of(call: Call) -> list[int]:
    """Return the statuses of all refusals a call knows."""
    statuses = {422, 429, *EVERYWHERE, *call.problems}
    if call.who is not Who.ANYONE:
        statuses.add(401)
    if call.who is not Who.API_KEY:
        statuses.add(403)
    if call.body is not None or call.uploads:
        statuses |= {413, 415}
    return sorted(statuses)


def _problem(status: int, schema: str) -> Json:
    response: Json = {
        "description": MEANINGS[status],
        "content": {"application/problem+json": {"schema": ref(schema)}},
    }
    if status in HEADERS:
        response["headers"] = HEADERS[status]
    return response


def _responses(call: Call) -> Json:
    responses: Json = {}
    for status, schema in call.answers.items():
        responses[str(status)] = {"description": MEANINGS[status]}
        if schema is not None:
            content = {call.media_type: {"schema": ref(schema)}}
            responses[str(status)]["content"] = content
    for status in problems_of(call):
        schema = call.conflict if status == HTTPStatus.CONFLICT else "Problem"
        responses[str(status)] = _problem(status, schema)
    return responses


def _parameters(call: Call) -> list[Json]:
    named = [_in_path(name) for name in re.findall(r"\{(\w+)\}", call.path)]
    query = call.query or Fields("Query")
    asked = [f for f in query if call.who is not Who.TICKET or f.name != "ticket"]
    headers = call.headers or Fields("Headers")
    return [
        *named,
        *(_parameter(field, "query") for field in asked),
        *(_parameter(field, "header") for field in headers),
    ]


def _parameter(field: Field, where: str) -> Json:
    return {
        "name": field.name,
        "in": where,
        "required": field.needed,
        "description": field.about,
        "schema": field.kind.schema(),
    }


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
