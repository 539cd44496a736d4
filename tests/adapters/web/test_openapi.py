"""The description tells the truth: every route is in it, and its fields are the ones checked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.problems import Problem
from adapters.web.answers import SCHEMAS
from adapters.web.calls import Call, Who
from adapters.web.fields import Fields
from adapters.web.openapi import CALLS, describe
from tests.adapters.web.contract import OWN
from tests.adapters.web.site import Site

DOCS = Path(__file__).parents[3] / "docs"
BODIES = {call.name: call for call in CALLS if call.body is not None}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.text(max_size=6),
    st.sampled_from(
        ["teammate", "assistant", "customer", "normal", "en", "a@b", "https://x.example"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=6,
)


async def test_every_public_route_is_described(site: Site) -> None:
    """What is served and what is described are the same, preflights and HEAD left out."""
    _, description = await site.ask("GET", "/openapi.json")
    described = {
        (method.upper(), path)
        for path, operations in description["paths"].items()
        for method in operations
    }
    own = {("GET", path) for path in OWN}
    served = {(r.method, r.path) for r in site.channel.routes() if r.method != "OPTIONS"}
    assert described == served | own


async def test_the_description_is_whole(site: Site) -> None:
    """Every reference leads somewhere, names are used once, each path parameter is declared."""
    _, description = await site.ask("GET", "/openapi.json")
    schemas = description["components"]["schemas"]
    for reference in _references(description):
        assert reference.removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    names = [o["operationId"] for path in description["paths"].values() for o in path.values()]
    assert len(names) == len(set(names))
    for path, operations in description["paths"].items():
        for operation in operations.values():
            declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert all("{" + name + "}" in path for name in declared)
            assert path.count("{") == len(declared)
    assert description["openapi"].startswith("3.1")


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [ref for inner in value.values() for ref in _references(inner)]
    if isinstance(value, list):
        return [ref for inner in value for ref in _references(inner)]
    return []


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_each_call_declares_its_refusals(call: Call) -> None:
    """Who needs a token can get 401, who sends a body 413 and 415, everybody the server's own."""
    responses = describe([(call.method, call.path)])["paths"][call.path][call.method.lower()][
        "responses"
    ]
    assert {"400", "405", "408", "417", "422", "429", "503"} <= responses.keys()
    assert ("401" in responses) or call.who is Who.ANYONE
    if call.body is not None:
        assert {"400", "413", "415"} <= responses.keys()
    for status, response in responses.items():
        if int(status) >= 400:
            assert "application/problem+json" in response["content"]


@pytest.mark.parametrize("path", ["/healthz", "/v1/messages", "/v1/bot/conversations"])
async def test_what_the_server_itself_refuses_is_described(site: Site, path: str) -> None:
    """An odd Expect, a packed transfer and another method, wherever they are sent."""
    _, description = await site.ask("GET", "/openapi.json")
    operation = next(iter(description["paths"][path].values()))
    odd = {"Expect": "200-maybe", "Connection": "close"}
    for headers, method, status in ((odd, "GET", 417), ({}, "PUT", 405)):
        async with site.http.request(method, site.url + path, headers=headers) as answer:
            assert answer.status == status
        assert str(status) in operation["responses"]
    assert "Allow" in operation["responses"]["405"]["headers"]


async def test_a_late_answer_has_a_schema_of_its_own(site: Site) -> None:
    """The 409 with floor and epoch is described as such, and no other refusal has them."""
    _, description = await site.ask("GET", "/openapi.json")
    write = description["paths"]["/v1/bot/conversations/{id}/messages"]["post"]
    content = write["responses"]["409"]["content"]["application/problem+json"]
    assert content["schema"] == {"$ref": "#/components/schemas/BotConflict"}
    schemas = description["components"]["schemas"]
    assert {"floor", "epoch"} <= set(schemas["FloorProblem"]["required"])
    assert set(schemas["Problem"]["properties"]) == {
        *("title", "status", "detail", "field", "fields", "limit")
    }


async def test_the_stream_names_the_header_it_goes_on_by(site: Site) -> None:
    """Last-Event-ID is a parameter, in the header."""
    _, description = await site.ask("GET", "/openapi.json")
    parameters = description["paths"]["/v1/stream"]["get"]["parameters"]
    assert {"header"} == {p["in"] for p in parameters if p["name"] == "Last-Event-ID"}


@given(st.data())
def test_what_is_checked_is_what_is_described(data: st.DataObject) -> None:
    """Whatever the checks let pass fits the schema, and what the schema refuses they refuse."""
    call = BODIES[data.draw(st.sampled_from(sorted(BODIES)))]
    fields = call.body
    assert fields is not None
    names = [field.name for field in fields] + ["unknown"]
    body = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=4))
    schema = {"components": {"schemas": SCHEMAS}, **fields.schema()}
    fits = Draft202012Validator(schema).is_valid(body)
    assert fits or not _passes(fields, body)


def _passes(fields: Fields, body: object) -> bool:
    try:
        fields.check("", body)
    except Problem:
        return False
    return True


def test_foreign_routes_are_told_of_where_they_are_mounted() -> None:
    """The platforms' ways in are described when there are such routes, and only then."""
    assert "/slack/events" not in describe([("GET", "/healthz")])["paths"]
    slack = describe([("POST", "/slack/events"), ("GET", "/sandbox")])["paths"]
    assert list(slack) == ["/slack/events"]


def test_no_two_calls_are_the_same() -> None:
    """Method and path name one call."""
    assert len({(call.method, call.path) for call in CALLS}) == len(CALLS)


def test_the_pages_name_every_call() -> None:
    """docs/http-api.md and docs/bot-api.md leave no call out and name none that is not there."""
    text = "".join((DOCS / page).read_text("utf-8") for page in ("http-api.md", "bot-api.md"))
    named = set(re.findall(r"`(GET|POST) (/v1/[\w/{}-]+)", text))
    assert named == {(call.method, call.path) for call in CALLS}


def test_the_documented_events_fit_their_description() -> None:
    """Each webhook that bot-api.md names is described, and its examples have the shape."""
    page = (DOCS / "bot-api.md").read_text("utf-8")
    description = describe([])
    named = set(re.findall(r"`((?:message|handoff)\.\w+)`", page))
    assert named == set(description["webhooks"])
    shown = re.findall(r"<!-- example: \S*event -->\n```json\n(.*?)```\n", page, re.DOTALL)
    assert len(shown) == 2
    for event in map(json.loads, shown):
        described = description["webhooks"][event["type"]]["post"]["requestBody"]
        schema = described["content"]["application/json"]["schema"]
        Draft202012Validator({"components": description["components"], **schema}).validate(event)
