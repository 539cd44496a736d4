"""Every route of the whole application against bad requests: the exact refusal, and no trace of it.

Beside each refusal stands a control on the same route that passes, so that no row succeeds because
everything is refused.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from adapters.web.openapi import describe
from tests.faults import (
    bad_input_bot,
    bad_input_customer,
    bad_input_files,
    bad_input_rest,
    bad_input_slack,
)
from tests.faults.bad_input import CANARY, Answer, Row, send
from tests.faults.bad_input_files import END, FORM, file
from tests.faults.composed import SECRETS, SHOP, TEAMMATE, House, house

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROBLEM = "application/problem+json"
BOT = "/v1/bot/conversations"
SLACK_FORM = {"Content-Type": bad_input_slack.FORM}

INTERNAL = (
    *(
        "Traceback",
        'File "',
        ".py",
        "aiohttp",
        "asyncio",
        "sqlite",
        "SELECT",
        "adapters",
        "bridge.",
    ),
    *("storage.", "Exception", "Errno", "object at 0x", "NoneType", "self."),
)
"""What is nobody's business outside."""

CONTROLS = [
    Row("POST /v1/sessions", "", 201, "", {"token": "<token>"}),
    Row("GET /v1/conversation", "", 200, ""),
    Row("GET /v1/messages", "", 200, ""),
    Row("POST /v1/messages", "", 200, "", {"client_id": "first", "text": "hello"}),
    Row("POST /v1/escalate", "", 202, "", {}),
    Row("POST /v1/return", "", 202, "", {}, {"Authorization": "Bearer <idle_token>"}),
    Row("POST /v1/typing", "", 204, "", {}),
    Row("POST /v1/read", "", 204, "", {"seq": 1}),
    Row("POST /v1/rating", "", 204, "", {"about": "assistant", "score": 5}),
    Row("POST /v1/files", "", 201, "", file() + END, dict(FORM)),
    Row("GET /v1/files/{id}", "", 200, "", target="/v1/files/<file>"),
    Row("POST /v1/stream-tickets", "", 201, "", {}),
    Row("GET /v1/stream", "", 200, "", target="/v1/stream?ticket=<ticket>"),
    Row(f"POST {BOT}", "", 201, "", {"customer": {}, "external_id": "control"}),
    Row(
        f"POST {BOT}/{{id}}/messages",
        "",
        200,
        "",
        {"client_id": "bot-first", "role": "customer", "text": "hello"},
        target=f"{BOT}/<idle_conversation>/messages",
    ),
    Row(
        f"POST {BOT}/{{id}}/escalate",
        "",
        202,
        "",
        {"reason": "x"},
        target=f"{BOT}/<conversation>/escalate",
    ),
    Row(f"POST {BOT}/{{id}}/return", "", 202, "", {}, target=f"{BOT}/<idle_conversation>/return"),
    Row(f"GET {BOT}/{{id}}", "", 200, "", target=f"{BOT}/<conversation>"),
    Row(f"GET {BOT}/{{id}}/messages", "", 200, "", target=f"{BOT}/<conversation>/messages"),
    Row(
        f"GET {BOT}/{{id}}/files/{{file_id}}",
        "",
        200,
        "",
        target=f"{BOT}/<conversation>/files/<file>",
    ),
    Row(
        "POST /slack/events",
        "",
        200,
        "",
        bad_input_slack.event(text="hi", ts="<slack_said>"),
        sign=bad_input_slack.signed(),
    ),
    Row(
        "POST /slack/events",
        "",
        200,
        "",
        bad_input_slack.click(action={"action_id": "handoff_claim"}),
        SLACK_FORM,
        sign=bad_input_slack.signed(),
    ),
    Row(
        "POST /slack/events",
        "",
        200,
        "",
        bad_input_slack.command(),
        SLACK_FORM,
        sign=bad_input_slack.signed(),
    ),
    Row("GET /sandbox/room", "", 200, ""),
    Row("GET /sandbox/stream", "", 200, ""),
    Row("GET /sandbox/threads/{thread}", "", 200, "", target="/sandbox/threads/<thread>"),
    Row(
        "POST /sandbox/threads/{thread}/posts",
        "",
        201,
        "",
        {"as": "<mate>", "text": "x"},
        target="/sandbox/threads/<thread>/posts",
    ),
    Row(
        "POST /sandbox/threads/{thread}/verbs",
        "",
        200,
        "",
        {"as": "<mate>", "verb": "release"},
        target="/sandbox/threads/<thread>/verbs",
    ),
    Row(
        "POST /sandbox/threads/{thread}/verbs",
        "",
        200,
        "",
        {"as": "<mate>", "verb": "claim"},
        target="/sandbox/threads/<thread>/verbs",
    ),
    Row(
        "POST /sandbox/threads/{thread}/typing",
        "",
        204,
        "",
        {"as": "<mate>"},
        target="/sandbox/threads/<thread>/typing",
    ),
    Row(
        "PATCH /sandbox/posts/{post}",
        "",
        200,
        "",
        {"as": "<mate>", "text": "Good day!"},
        target="/sandbox/posts/<post>",
    ),
    Row(
        "DELETE /sandbox/posts/{post}", "", 200, "", target="/sandbox/posts/<spare_post>?as=<mate>"
    ),
    Row(
        "GET /sandbox/threads/{thread}/files/{file}",
        "",
        200,
        "",
        target="/sandbox/threads/<thread>/files/<other_file>",
    ),
    Row("GET /operator/dead", "", 200, ""),
    Row("POST /operator/dead/{id}/{verb}", "", 200, "", target="/operator/dead/all/retry"),
    Row("POST /operator/policy/reload", "", 200, ""),
    *(
        Row(
            f"OPTIONS {path}",
            "",
            204,
            "",
            headers={"Origin": SHOP},
            target=bad_input_customer.WHERE.get(f"OPTIONS {path}", ""),
        )
        for path in bad_input_customer.PATHS
    ),
    *(Row(f"GET {page}", "", 200, "") for page in (*bad_input_rest.OPEN, *bad_input_rest.DEMO)),
]
HAND_WRITTEN = [
    *bad_input_customer.ROWS,
    *bad_input_files.ROWS,
    *bad_input_bot.ROWS,
    *bad_input_slack.ROWS,
    *bad_input_rest.ROWS,
]
ROWS = [*HAND_WRITTEN, *bad_input_rest.OF_EVERY_PAGE]


def rights(house: House, route: str) -> dict[str, str]:
    """Return the headers by which a route may be used."""
    path = route.split()[1]
    if path.startswith(BOT):
        return house.bearer("key")
    if path.startswith("/v1/") and path not in {"/v1/sessions", "/v1/stream"}:
        return house.bearer("token")
    if path.startswith("/operator"):
        return house.bearer("operator")
    return dict(TEAMMATE) if path.startswith("/sandbox") else {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The application, with every control done once, so that repeating one changes little."""
    async with house(tmp_path_factory.mktemp("house")) as made:
        _, idle = await made.ask("POST", "/v1/sessions", json={})
        made.names |= {"idle_token": idle["token"], "idle_conversation": idle["conversation_id"]}
        made.names["slack_said"] = f"{int(made.names['now']) + 9}.000001"
        for row in CONTROLS:
            await pass_(made, row)
        await made.all_shown()
        await made.quiet()
        yield made


async def pass_(made: House, row: Row) -> None:
    """Send a control."""
    if "spare_post" in row.target:
        said = Row(
            "POST",
            "",
            201,
            "",
            {"as": "<mate>", "text": "x"},
            target="/sandbox/threads/<thread>/posts",
        )
        answer = await send(made, said, TEAMMATE)
        made.names["spare_post"] = str(json.loads(answer.body)["post"]["id"])
    answer = await send(made, row, rights(made, row.route))
    described(made, row, answer)
    assert answer.status in {row.status, 202 if row.status == 200 else row.status}, answer


def hold(row: Row, answer: Answer) -> None:
    """Hold an answer against its row."""
    body = answer.body.decode()
    for word in INTERNAL:
        assert word not in body
    assert (answer.status, body if row.plain else detail_of(body)) == (row.status, row.detail)
    if row.status < 400:
        return
    if row.plain:
        assert answer.media_type == "text/plain"
        return
    problem = json.loads(body)
    assert answer.media_type == PROBLEM
    assert problem["status"] == row.status
    assert problem["title"]


def described(made: House, row: Row, answer: Answer) -> None:
    """Hold an answer against the description of its route, where the route is described."""
    own, _, path = row.route.partition(" ")
    description = describe(made.app.routes)
    operations = description["paths"].get(path, {})
    operation = operations.get((row.method or own).lower()) or operations.get(own.lower())
    pattern = re.sub(r"\{\w+\}", "[^/]+", path)
    sent_to = row.target.partition("?")[0] or path
    if operation is None or not re.fullmatch(pattern, sent_to):
        return
    known = operation["responses"].get(str(answer.status))
    assert known is not None, f"{row.route} is not described to answer {answer.status}"
    schema = known.get("content", {}).get(answer.media_type, {}).get("schema")
    if schema is not None and "json" in answer.media_type:
        whole = {"components": description["components"], **schema}
        Draft202012Validator(whole).validate(json.loads(answer.body))
    if answer.media_type == PROBLEM:
        assert schema is not None, known


def detail_of(body: str) -> Any:
    """Return what an answer in JSON says to a person."""
    said = json.loads(body)
    return said.get("detail", said.get("text"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id[:90])
async def test_bad_input_is_refused_and_leaves_no_trace(whole: House, row: Row) -> None:
    """Exactly this answer, nothing stored, nothing said in the log, and the control passes."""
    await whole.quiet()
    before, logged = whole.stored(), len(whole.log.lines)
    answer = await send(whole, row, rights(whole, row.route))
    hold(row, answer)
    described(whole, row, answer)
    assert whole.changes(before) == {}
    lines = "\n".join(whole.log.lines[logged:])
    assert '"level": "error"' not in lines
    assert "Traceback" not in lines
    for word in (CANARY, *SECRETS, whole.names["token"], whole.names["ticket"]):
        assert word not in lines
    for control in CONTROLS:
        if control.route == row.route:
            await pass_(whole, control)


async def test_every_route_has_a_row_and_a_control(whole: House) -> None:
    """What the running application serves and the table name the same routes."""
    served = {f"{method} {path}" for method, path in whole.app.routes if method != "HEAD"}
    assert served == {row.route for row in ROWS}
    assert served == {row.route for row in CONTROLS}


async def test_no_path_takes_a_method_that_is_not_its_own(whole: House) -> None:
    """PUT is known nowhere, and says so, on every path there is."""
    where = {row.route.split()[1]: row.target for row in CONTROLS if row.target}
    before = whole.stored()
    for path in sorted({path for _, path in whole.app.routes}):
        row = Row(
            f"PUT {path}", "", 405, bad_input_rest.OTHER_METHOD, {}, target=where.get(path, "")
        )
        hold(row, await send(whole, row, rights(whole, row.route)))
    assert whole.changes(before) == {}


async def test_the_table_is_long() -> None:
    """Those written by hand alone are hundreds, and no two are called the same."""
    assert len(HAND_WRITTEN) >= 400
    assert len({row.id for row in ROWS}) == len(ROWS)


SCRAPS: list[Any] = [None, True, 0, 1.5, "x", "\ud800", "\0", [], ["x"], [{}], {}, {"id": ["x"]}]
PARTS = (
    *("type", "team", "enterprise", "user", "channel", "container", "message", "view", "actions"),
    *("callback_id", "trigger_id", "response_url", "api_app_id", "state", "is_enterprise_install"),
)
KINDS = ("block_actions", "view_submission", "view_closed", "shortcut", "workflow_step_edit")


async def test_no_signed_interaction_makes_us_fail(whole: House) -> None:
    """Whatever a part of a click or a modal is, the answer is 200 or 400, and nothing is stored."""
    before, logged = whole.stored(), len(whole.log.lines)
    for kind in KINDS:
        for part in PARTS:
            for scrap in SCRAPS:
                whole_one = {"type": kind, "user": {"id": "U0GUEST"}, "view": {}, "actions": []}
                body = bad_input_slack.interaction(**{**whole_one, part: scrap})
                sign = bad_input_slack.signed()
                row = Row("POST /slack/events", "", 0, "", body, SLACK_FORM, sign=sign)
                answer = await send(whole, row, {})
                assert answer.status in {200, 400, 403}, (kind, part, scrap, answer)
    assert whole.changes(before) == {}
    assert not [line for line in whole.log.lines[logged:] if "Traceback" in line]


async def test_odd_characters_of_a_teammate_are_made_harmless(whole: House) -> None:
    """Half a pair, NUL and what hides or turns text arrive without them, and are not refused."""
    ts = f"{int(whole.names['now']) + 20}.000001"
    text = "a\ud800b\0c\u202ed\x1b[31me"
    body = bad_input_slack.event(text=text, ts=ts)
    row = Row("POST /slack/events", "", 200, "", body, sign=bad_input_slack.signed())
    assert (await send(whole, row, {})).status == 200
    _, page = await whole.ask("GET", "/v1/messages", headers=whole.bearer("token"))
    said = page["messages"][-1]["text"]
    assert said.startswith("a")
    assert not set(said) & set("\ud800\0\x1b"), ascii(said)
