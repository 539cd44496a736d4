"""Bad requests to Slack's door, events, interactivity and commands, and the exact answers.

What Slack would send again for ever if it were refused is answered 200 and changes nothing.
"""

import json
import time
from typing import Any
from urllib.parse import urlencode

from adapters.slack import phrases
from tests.faults.bad_input import CANARY, Row, Sign, at, bad
from tests.servers.slack import APP_ID, BOT_ID, BOT_USER, SIGNING_SECRET, TEAM
from tests.servers.slack_people import sign
from tests.servers.slack_state import ROOM

ROUTE = "POST /slack/events"
TIME, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
FORM = "application/x-www-form-urlencoded"
UNSIGNED = "the signature is missing, wrong or too old"
ANN = "U0ANN"
SHAPE = "the payload has not the shape of its type"


def signed(secret: str = SIGNING_SECRET, shift: int = 0, at: str = "") -> Sign:
    """Return what signs a body; `shift` and `at` change its time."""

    def headers(body: bytes) -> dict[str, str]:
        moment = at or str(int(time.time()) + shift)
        return {TIME: moment, SIGNATURE: sign(secret, moment, body)}

    return headers


def arabic(body: bytes) -> dict[str, str]:
    """Sign with a time in Arabic digits, as the bytes that an HTTP client would send."""
    moment = "".join(chr(0x660 + int(digit)) for digit in str(int(time.time())))
    return {TIME: moment, SIGNATURE: sign(SIGNING_SECRET, moment, body)}


def cut(body: bytes) -> dict[str, str]:
    """Sign, and cut the last character off."""
    headers = signed()(body)
    return {**headers, SIGNATURE: headers[SIGNATURE][:-1]}


def padded(body: bytes) -> dict[str, str]:
    """Sign a time that has a blank inside."""
    moment = str(int(time.time()))
    return {TIME: f"{moment[:5]} {moment[5:]}", SIGNATURE: sign(SIGNING_SECRET, moment, body)}


def event(**fields: Any) -> bytes:
    """Return an envelope with a message in the thread there is."""
    message: dict[str, Any] = {
        "type": "message",
        "channel": ROOM,
        "user": ANN,
        "text": CANARY,
        "ts": "1790000000.000001",
        "thread_ts": "<slack_thread>",
        **fields,
    }
    return envelope(event=message)


def envelope(**fields: Any) -> bytes:
    """Return an envelope."""
    whole = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP_ID, "event_id": "Ev1"}
    return json.dumps({**whole, **fields}).encode()


def form(**fields: str) -> bytes:
    """Return a form; the names in angle brackets stay readable."""
    return urlencode(fields).replace("%3C", "<").replace("%3E", ">").encode()


def click(**fields: Any) -> bytes:
    """Return a click on the card's button to resolve."""
    action = {"action_id": "handoff_resolve", "value": "<handoff>", "action_ts": "1.1"}
    return interaction(
        type="block_actions",
        actions=[action | fields.pop("action", {})],
        **{
            "container": {"type": "message", "message_ts": "<slack_thread>", "channel_id": ROOM},
            "user": {"id": ANN},
            **fields,
        },
    )


def interaction(**fields: Any) -> bytes:
    """Return an interactive payload."""
    whole = {"team": {"id": TEAM}, "api_app_id": APP_ID, "response_url": "", "trigger_id": "t.1"}
    return form(payload=json.dumps({**whole, **fields}))


def command(**fields: str) -> bytes:
    """Return a slash command."""
    whole = {"command": "/handoff", "user_id": ANN, "team_id": TEAM, "channel_id": ROOM}
    return form(**{**whole, "trigger_id": "t.1", "text": "queue", **fields})


def unsigned(what: str, sign: Sign | None, body: bytes | None = None) -> Row:
    """Return a row that must not pass the signature."""
    return bad(what, 401, UNSIGNED, event() if body is None else body, sign=sign, plain=True)


def malformed(what: str, detail: str, body: bytes, kind: str = "application/json") -> Row:
    """Return a row that is signed and cannot be read."""
    headers = {"Content-Type": kind}
    return bad(what, 400, detail, body, sign=signed(), headers=headers, plain=True)


def silent(what: str, body: bytes, kind: str = "application/json") -> Row:
    """Return a row that is answered 200 with nothing, and does nothing."""
    headers = {"Content-Type": kind}
    return bad(what, 200, "", body, sign=signed(), headers=headers, plain=True)


def said(what: str, detail: str, body: bytes) -> Row:
    """Return a command whose asker is told `detail`."""
    headers = {"Content-Type": FORM}
    return bad(f"command: {what}", 200, detail, body, sign=signed(), headers=headers)


FORGED = [
    unsigned("no signature", None),
    unsigned("another secret", signed("another-secret-another")),
    unsigned("cut signature", cut),
    unsigned("signature of another body", lambda body: signed()(body + b" ")),
    unsigned("signature that is not ASCII", lambda body: {**signed()(body), SIGNATURE: "v0=\xe9"}),
    unsigned("302 seconds old", signed(shift=-302)),
    unsigned("302 seconds ahead", signed(shift=302)),
    unsigned("time as word", signed(at="abc")),
    unsigned("time of 5,000 digits", signed(at="9" * 5000)),
    unsigned("time as fraction", signed(at=f"{int(time.time())}.5")),
    unsigned("time in Arabic digits", arabic),
    unsigned("padded time", padded),
    unsigned("connection check without signature", None, b"ssl_check=1&token=legacy"),
    unsigned("challenge without signature", None, b'{"type":"url_verification","challenge":"x"}'),
    unsigned("deep JSON without signature", None, b"[" * 200_000),
    unsigned("not UTF-8 without signature", None, b"\xff\xfe"),
]

MALFORMED = [
    malformed("not UTF-8", "the body is not UTF-8", b'{"a":"\xff"}'),
    malformed("empty", "the body is not JSON", b""),
    malformed("a list", "the JSON is not an object", b"[]"),
    malformed("NaN", "the body is not JSON", b'{"type":"event_callback","event":NaN}'),
    malformed("200,000 brackets", "the body is not JSON", b'{"a":' + b"[" * 200_000),
    malformed("a number of 5,000 digits", "the body is not JSON", b'{"a":' + b"9" * 5000 + b"}"),
    malformed("a gzip body", "the body is not UTF-8", b"\x1f\x8b\x08\x00"),
    malformed("an empty form", "the form has neither `payload` nor `command`", b"", FORM),
    malformed("payload that is no JSON", "the body is not JSON", b"payload=x", FORM),
    malformed("payload that is a list", "the JSON is not an object", b"payload=[]", FORM),
    malformed("actions as text", SHAPE, interaction(type="block_actions", actions="x"), FORM),
    malformed("no actions", SHAPE, interaction(type="block_actions", actions=[]), FORM),
    malformed("an action as text", SHAPE, interaction(type="block_actions", actions=["x"]), FORM),
    malformed("an action without a name", SHAPE, click(action={"action_id": None}), FORM),
    malformed("a modal without a kind", SHAPE, interaction(type="view_submission", view={}), FORM),
    malformed("a modal as text", SHAPE, interaction(type="view_submission", view="x"), FORM),
    malformed("an interaction without a kind", SHAPE, interaction(type=None), FORM),
    malformed("200 fields", "the form cannot be read", b"a=1&" * 200, FORM),
    malformed(
        "a form of something else",
        "the form has neither `payload` nor `command`",
        b"text=swordfish",
        FORM,
    ),
]

FOREIGN = [
    bad(
        "another workspace",
        403,
        "this is for another app or workspace",
        envelope(team_id="T0OTHER", event={}),
        sign=signed(),
        plain=True,
    ),
    bad(
        "a body over the limit",
        413,
        "the body is too large",
        b'{"a":"' + b"x" * (1 << 20) + b'"}',
        sign=signed(),
        plain=True,
    ),
]

SILENT = [
    silent("the same event again", event(ts="<slack_said>")),
    silent("a guest", event(user="U0GUEST")),
    silent("nobody known", event(user="U0NOBODY")),
    silent("another bot", event(bot_id="B0OTHER", subtype="bot_message")),
    silent("our own echo", event(user=BOT_USER, bot_id=BOT_ID)),
    silent("outside every thread", event(thread_ts=None)),
    silent("a thread that is not ours", event(thread_ts="1700000000.000099")),
    silent("another room", event(channel="C0OTHER")),
    silent("time stamp as number", event(ts=1790000000.5)),
    silent("thread as object", event(thread_ts={"a": 1})),
    silent("text as list", event(text=[CANARY])),
    silent("blank text", event(text=" \u200b ")),
    silent("subtype as list", event(subtype=["x"])),
    silent("event as list", envelope(event=[1])),
    silent(
        "an edit of somebody else's words",
        event(
            subtype="message_changed",
            message={
                "user": ANN,
                "ts": "<slack_said>",
                "thread_ts": "<slack_thread>",
                "text": "x",
                "edited": {"user": "U0GUEST", "ts": "1790000001.1"},
            },
            previous_message={"text": "y"},
        ),
    ),
    silent(
        "a button of another thread",
        click(container={"message_ts": "1700000000.000099", "channel_id": ROOM}),
        FORM,
    ),
    silent("a button of an unknown handoff", click(action={"value": "h_unknown"}), FORM),
    silent("a button value with half a pair", click(action={"value": "\ud800"}), FORM),
    silent("a button value with NUL", click(action={"value": "h\0"}), FORM),
    silent("a button without value", click(action={"value": None}), FORM),
    silent("a button by a guest", click(user={"id": "U0GUEST"}), FORM),
    silent("an unknown button", click(action={"action_id": "handoff_delete_all"}), FORM),
    silent(
        "a modal of nobody's",
        interaction(
            type="view_submission", view={"type": "modal", "callback_id": "x"}, user={"id": ANN}
        ),
        FORM,
    ),
    silent("an unknown interaction", interaction(type="shortcut", callback_id="x"), FORM),
    silent("a command of another app", form(command="/other", team_id=TEAM), FORM),
]

COMMANDS = [
    said(
        "another room",
        "Handoffs are handled in the support room; this command does nothing here.",
        command(channel_id="C0OTHER"),
    ),
    said(
        "by a guest",
        "Guests and members of other workspaces cannot act on handoffs here. Nothing was changed.",
        command(user_id="U0GUEST"),
    ),
    said(
        "by nobody known",
        "Guests and members of other workspaces cannot act on handoffs here. Nothing was changed.",
        command(user_id="U0NOBODY"),
    ),
    said(
        "an unknown word",
        f"I do not know that word.\n{phrases.HELP}",
        command(text="destroy everything"),
    ),
    said(
        "an unknown handoff",
        "There is no handoff with that id. `/handoff queue` lists the open ones.",
        command(text="resolve h_unknown"),
    ),
    said(
        "a handoff with NUL",
        "There is no handoff with that id. `/handoff queue` lists the open ones.",
        command(text="show h\0x"),
    ),
    said(
        "no handoff",
        "There is no handoff with that id. `/handoff queue` lists the open ones.",
        command(text="claim"),
    ),
    said(
        "assign to nobody",
        "Say whom to assign it to: `/handoff assign ID @person` or `/handoff assign ID me`."
        " Nothing was changed.",
        command(text="assign <handoff> swordfish"),
    ),
]

ROWS = at(ROUTE, *FORGED, *MALFORMED, *FOREIGN, *SILENT, *COMMANDS)
