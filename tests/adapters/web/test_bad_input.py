"""Bad input over every route: the exact refusal, the field named, nothing stored, no 5xx."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.adapters.web.site import API_KEY, SETTINGS, Customer, Site

DEEP = b"[" * 100_000
MANY = b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}"
JSON = {"Content-Type": "application/json"}
NOTHING: dict[str, str] = {}


@dataclass(frozen=True)
class Row:
    """One bad request and what it gets; `named` must stand in the detail."""

    what: str
    method: str
    path: str
    body: Any
    status: int
    named: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def posts(path: str, *rows: tuple[Any, int, str]) -> list[Row]:
    """Return rows that post JSON values (or raw bytes) to one path."""
    return [
        Row(f"{path} {str(body)[:50]}", "POST", path, *_raw(body), status, named)
        for body, status, named in rows
    ]


def _raw(body: Any) -> tuple[Any]:
    return (body,)


MESSAGE = {"client_id": "x", "text": "Hello"}
BOT_MESSAGE = {"client_id": "x", "role": "assistant", "text": "Hello"}

ROWS = [
    *posts(
        "/v1/messages",
        ({}, 422, "client_id"),
        ({"client_id": "x"}, 422, "text"),
        ({"text": "Hello"}, 422, "client_id"),
        ({**MESSAGE, "client_id": 7}, 422, "client_id"),
        ({**MESSAGE, "client_id": ""}, 422, "client_id"),
        ({**MESSAGE, "client_id": None}, 422, "client_id"),
        ({**MESSAGE, "client_id": "a b"}, 422, "client_id"),
        ({**MESSAGE, "client_id": "é"}, 422, "client_id"),
        ({**MESSAGE, "client_id": "x" * 101}, 422, "client_id"),
        ({**MESSAGE, "client_id": ["x"]}, 422, "client_id"),
        ({**MESSAGE, "text": ""}, 422, "text"),
        ({**MESSAGE, "text": " \n\t\u2003"}, 422, "text"),
        ({**MESSAGE, "text": "\u180b\u180d\u180f\ufe0f\U000e0100\U000e01ef"}, 422, "text"),
        ({**MESSAGE, "text": None}, 422, "text"),
        ({**MESSAGE, "text": 5}, 422, "text"),
        ({**MESSAGE, "text": True}, 422, "text"),
        ({**MESSAGE, "text": {"a": 1}}, 422, "text"),
        ({**MESSAGE, "text": "x" * 10_001}, 422, "text"),
        ({**MESSAGE, "text": "a\0b"}, 422, "text"),
        ({**MESSAGE, "text": "\ud800"}, 422, "text"),
        ({**MESSAGE, "text": "\udc00\ud800"}, 422, "text"),
        ({**MESSAGE, "attachments": "f_1"}, 422, "attachments"),
        ({**MESSAGE, "attachments": [1]}, 422, "attachments[0]"),
        ({**MESSAGE, "attachments": ["f_unknown"]}, 422, "attachments[0]"),
        ({**MESSAGE, "attachments": ["../../etc/passwd"]}, 422, "attachments[0]"),
        ({**MESSAGE, "attachments": ["f"] * 11}, 422, "attachments"),
        ({**MESSAGE, "attachments": {"0": "f"}}, 422, "attachments"),
        ({**MESSAGE, "role": "teammate"}, 422, "role"),
        ({**MESSAGE, "seq": 1}, 422, "seq"),
        ({**MESSAGE, "sender": "x", "private": True}, 422, "sender, private"),
        ({**MESSAGE, "__proto__": {}}, 422, "__proto__"),
        ({**MESSAGE, "conversation_id": "c_other"}, 422, "conversation_id"),
        ({**MESSAGE, "\ud800": 1}, 422, "not known"),
        ([], 422, "an object"),
        ("text", 422, "an object"),
        (5, 422, "an object"),
        (b"null", 422, "an object"),
        (b"", 422, "client_id"),
        (b"{", 400, "JSON"),
        (b"{'client_id': 'x'}", 400, "JSON"),
        (b'{"client_id":"x","text":"a",}', 400, "JSON"),
        (b'{"client_id":"x","text":"a"} x', 400, "JSON"),
        (b'{"client_id":"x","text":"a\nb"}', 400, "JSON"),
        (b'{"client_id":"x","text":"\xff"}', 400, "UTF-8"),
        (b'{"client_id":"x","text":"\xed\xa0\x80"}', 400, "UTF-8"),
        (b'\xef\xbb\xbf{"client_id":"x","text":"a"}', 400, "JSON"),
        (json.dumps(MESSAGE).encode("utf-16"), 400, ""),
        (b'{"client_id":"x","client_id":"y","text":"a"}', 422, "client_id"),
        (b'{"client_id":"x","text":NaN}', 400, "NaN"),
        (b'{"client_id":"x","text":-Infinity}', 400, "Infinity"),
        (b'{"client_id":"x","text":1e999}', 400, "number"),
        (b'{"client_id":"x","text":' + b"9" * 5000 + b"}", 400, "number"),
        (DEEP, 400, "deep"),
        (MANY, 422, "not known"),
        (b"x" * 300_000, 413, "bytes"),
    ),
    *posts(
        "/v1/sessions",
        ({"name": 5}, 422, "name"),
        ({"name": "x" * 101}, 422, "name"),
        ({"name": "a\nb"}, 422, "name"),
        ({"name": "a\u2028b"}, 422, "name"),
        ({"name": "a\x1b[31m"}, 422, "name"),
        ({"email": "nobody"}, 422, "email"),
        ({"email": "a@b\r\nBcc: c@d"}, 422, "email"),
        ({"locale": "../.."}, 422, "locale"),
        ({"locale": "x" * 65}, 422, "locale"),
        ({"locale": ["en"]}, 422, "locale"),
        ({"page_url": "javascript:alert(1)"}, 422, "page_url"),
        ({"page_url": "data:text/html,x"}, 422, "page_url"),
        ({"page_url": "/cart"}, 422, "page_url"),
        ({"page_url": "http://[bad"}, 422, "page_url"),
        ({"page_url": "https://x/" + "y" * 8200}, 422, "page_url"),
        ({"identity": 5}, 422, "identity"),
        ({"identity": "x" * 5000}, 422, "identity"),
        ({"token": {}}, 422, "token"),
        ({"token": "x" * 1025}, 422, "token"),
        ({"conversation_id": "c_1"}, 422, "conversation_id"),
        ({"attributes": []}, 422, "attributes"),
        ({"attributes": {"a": 1}}, 422, "attributes.a"),
        ({"attributes": {"": "x"}}, 422, "attributes"),
        ({"attributes": {"a\n": "x"}}, 422, "attributes"),
        ({"attributes": {"a": "\0"}}, 422, "attributes.a"),
        ({"attributes": {str(n): "x" for n in range(51)}}, 422, "attributes"),
        (b'{"attributes":{"a":"1","a":"2"}}', 422, "a:"),
    ),
    *posts(
        "/v1/escalate",
        ({"reason": 1}, 422, "reason"),
        ({"reason": "x" * 2001}, 422, "reason"),
        ({"urgency": "high"}, 422, "urgency"),
        ({"desk": "slack"}, 422, "desk"),
    ),
    *posts("/v1/return", ({"to": "assistant"}, 422, "to")),
    *posts("/v1/typing", ({"typing": True}, 422, "typing"), ([], 422, "an object")),
    *posts("/v1/stream-tickets", ({"conversation_id": "c_1"}, 422, "conversation_id")),
    *posts(
        "/v1/read",
        ({}, 422, "seq"),
        ({"seq": "1"}, 422, "seq"),
        ({"seq": -1}, 422, "seq"),
        ({"seq": 1.5}, 422, "seq"),
        ({"seq": True}, 422, "seq"),
        ({"seq": 2**60}, 422, "seq"),
        ({"seq": 99}, 422, "seq"),
        ({"seq": None}, 422, "seq"),
        (b'{"seq":1e400}', 400, "number"),
    ),
    *posts(
        "/v1/rating",
        ({}, 422, "about"),
        ({"about": "teammate"}, 422, "score"),
        ({"about": "bot", "score": 5}, 422, "about"),
        ({"about": "assistant", "score": 0}, 422, "score"),
        ({"about": "assistant", "score": 6}, 422, "score"),
        ({"about": "assistant", "score": "5"}, 422, "score"),
        ({"about": "assistant", "score": 4.5}, 422, "score"),
        ({"about": "assistant", "score": 5, "comment": "x" * 2001}, 422, "comment"),
        ({"about": "assistant", "score": 5, "comment": 5}, 422, "comment"),
        ({"about": "teammate", "score": 5}, 409, "about"),
    ),
    Row("after text", "GET", "/v1/messages?after=x", None, 422, "after"),
    Row("after negative", "GET", "/v1/messages?after=-1", None, 422, "after"),
    Row("after fraction", "GET", "/v1/messages?after=1.0", None, 422, "after"),
    Row("after other digits", "GET", "/v1/messages?after=%D9%A1", None, 422, "after"),
    Row("after huge", "GET", "/v1/messages?after=99999999999999999999", None, 422, "after"),
    Row("after beyond", "GET", "/v1/messages?after=9007199254740992", None, 422, "after"),
    Row("after empty", "GET", "/v1/messages?after=", None, 422, "after"),
    Row("after twice", "GET", "/v1/messages?after=1&after=2", None, 422, "after"),
    Row("limit 0", "GET", "/v1/messages?limit=0", None, 422, "limit"),
    Row("limit 201", "GET", "/v1/messages?limit=201", None, 422, "limit"),
    Row("limit text", "GET", "/v1/messages?limit=all", None, 422, "limit"),
    Row("unknown query", "GET", "/v1/messages?before=1", None, 422, "before"),
    Row("token in query", "GET", "/v1/conversation?token=abc", None, 422, "token"),
    Row("query on post", "POST", "/v1/typing?x=1", {}, 422, "x"),
    Row("no ticket", "GET", "/v1/stream", None, 422, "ticket"),
    Row("bad ticket", "GET", "/v1/stream?ticket=abc", None, 401, "ticket"),
    Row("bad after", "GET", "/v1/stream?ticket=abc&after=x", None, 422, "after"),
    Row("unknown file", "GET", "/v1/files/f_0123456789", None, 404, "file"),
    Row("traversal", "GET", "/v1/files/..%2f..%2fetc%2fpasswd", None, 404, "file"),
    Row("bad escapes", "GET", "/v1/files/%ff%fe", None, 404, "file"),
    Row("NUL in path", "GET", "/v1/files/%00", None, 404, "file"),
    Row("no route", "GET", "/v1/unknown", None, 404),
    Row("double slash", "GET", "//v1/messages", None, 404),
    Row("dots", "GET", "/v1/..;/admin", None, 404),
    Row("wrong method", "DELETE", "/v1/messages", None, 405),
    Row("put", "PUT", "/v1/rating", {}, 405),
    Row("trace", "TRACE", "/v1/messages", None, 405),
    Row("made-up method", "FROB", "/v1/messages", None, 405),
    Row("head", "HEAD", "/v1/messages", None, 405),
    Row("override", "GET", "/v1/typing", None, 405, "", {"X-HTTP-Method-Override": "POST"}),
    Row(
        "form",
        "POST",
        "/v1/messages",
        b"text=x",
        415,
        "Content-Type",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Row("text", "POST", "/v1/messages", b"{}", 415, "Content-Type", {"Content-Type": "text/plain"}),
    Row("no type", "POST", "/v1/sessions", b"{}", 415, "Content-Type", {"Content-Type": ""}),
    Row("xml", "POST", "/v1/messages", b"<a/>", 415, "Content-Type", {"Content-Type": "text/xml"}),
    Row(
        "latin-1",
        "POST",
        "/v1/messages",
        b"{}",
        415,
        "charset",
        {"Content-Type": "application/json; charset=latin-1"},
    ),
    Row(
        "gzip",
        "POST",
        "/v1/messages",
        b"\x1f\x8b",
        415,
        "Content-Encoding",
        {**JSON, "Content-Encoding": "gzip"},
    ),
    Row("json to files", "POST", "/v1/files", {}, 415, "Content-Type"),
    Row(
        "no boundary",
        "POST",
        "/v1/files",
        b"x",
        400,
        "boundary",
        {"Content-Type": "multipart/form-data"},
    ),
    Row(
        "no parts",
        "POST",
        "/v1/files",
        b"--b--\r\n",
        422,
        "file",
        {"Content-Type": "multipart/form-data; boundary=b"},
    ),
    Row(
        "no form",
        "POST",
        "/v1/files",
        b"hello",
        400,
        "form",
        {"Content-Type": "multipart/form-data; boundary=b"},
    ),
]

BOT = "/v1/bot/conversations"
BOT_ROWS = [
    *posts(
        BOT,
        ({}, 422, "customer"),
        ({"customer": "Ada"}, 422, "customer"),
        ({"customer": None}, 422, "customer"),
        ({"customer": {"name": 5}}, 422, "customer.name"),
        ({"customer": {"page_url": "https://x"}}, 422, "customer.page_url"),
        ({"customer": {"attributes": {"a": {}}}}, 422, "customer.attributes.a"),
        ({"customer": {}, "external_id": ""}, 422, "external_id"),
        ({"customer": {}, "external_id": 7}, 422, "external_id"),
        ({"customer": {}, "external_id": "a\nb"}, 422, "external_id"),
        ({"customer": {}, "messages": {}}, 422, "messages"),
        ({"customer": {}, "messages": [5]}, 422, "messages[0]"),
        ({"customer": {}, "messages": [{"client_id": "x"}]}, 422, "messages[0].role"),
        (
            {"customer": {}, "messages": [{**BOT_MESSAGE, "sent_at": "yesterday"}]},
            422,
            "messages[0].sent_at",
        ),
        (
            {"customer": {}, "messages": [{**BOT_MESSAGE, "sent_at": "2026-01-01T00:00:00"}]},
            422,
            "messages[0].sent_at",
        ),
        (
            {"customer": {}, "messages": [{**BOT_MESSAGE, "sent_at": "9999-12-31T23:59:59Z"}]},
            422,
            "messages[0].sent_at",
        ),
        ({"customer": {}, "messages": [BOT_MESSAGE] * 201}, 422, "messages"),
    ),
    *posts(
        BOT + "/{id}/messages",
        ({}, 422, "client_id"),
        ({**BOT_MESSAGE, "role": "teammate"}, 422, "role"),
        ({**BOT_MESSAGE, "role": "system"}, 422, "role"),
        ({**BOT_MESSAGE, "role": ["assistant"]}, 422, "role"),
        ({**BOT_MESSAGE, "text": "  "}, 422, "text"),
        ({**BOT_MESSAGE, "text": "x" * 10_001}, 422, "text"),
        ({**BOT_MESSAGE, "epoch": "0"}, 422, "epoch"),
        ({**BOT_MESSAGE, "epoch": -1}, 422, "epoch"),
        ({**BOT_MESSAGE, "epoch": 99}, 409, "floor"),
        ({**BOT_MESSAGE, "visibility": "internal"}, 422, "visibility"),
    ),
    *posts(
        BOT + "/{id}/escalate",
        ({}, 422, "reason"),
        ({"reason": ""}, 422, "reason"),
        ({"reason": "x", "urgency": "now"}, 422, "urgency"),
        ({"reason": "x", "desk": "fax", "room": "C1"}, 422, "desk"),
        ({"reason": "x", "desk": "fax"}, 422, "desk"),
        ({"reason": "x", "desk": "a\nb"}, 422, "desk"),
        ({"reason": "x", "summary": ["x"]}, 422, "summary"),
    ),
    *posts(
        BOT + "/c_unknown/messages",
        (BOT_MESSAGE, 404, "conversation"),
    ),
    *posts(BOT + "/c_unknown/escalate", ({"reason": "x"}, 404, "conversation")),
    *posts(BOT + "/c_unknown/return", ({}, 404, "conversation")),
    Row("unknown", "GET", BOT + "/c_unknown", None, 404, "conversation"),
    Row("unknown messages", "GET", BOT + "/c_unknown/messages", None, 404, "conversation"),
    Row("odd id", "GET", BOT + "/%27%20OR%201=1", None, 404, "conversation"),
    Row("long id", "GET", BOT + "/" + "x" * 81, None, 404, "conversation"),
    Row("bad page", "GET", BOT + "/{id}/messages?limit=0", None, 422, "limit"),
]

TOKENLESS = [
    ("GET", "/v1/conversation"),
    ("GET", "/v1/messages"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/escalate"),
    ("POST", "/v1/return"),
    ("POST", "/v1/typing"),
    ("POST", "/v1/read"),
    ("POST", "/v1/rating"),
    ("POST", "/v1/files"),
    ("GET", "/v1/files/f_1"),
    ("POST", "/v1/stream-tickets"),
    ("POST", "/v1/bot/conversations"),
    ("GET", "/v1/bot/conversations/c_1"),
    ("POST", "/v1/bot/conversations/c_1/messages"),
]

FORGED = [
    NOTHING,
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer x"},
    {"Authorization": "Bearer " + "x" * 5000},
    {"Authorization": "Bearer é.ü"},
    {"Authorization": "Bearer a.b.c"},
    {"Authorization": "Basic YTpi"},
    {"Authorization": f"Bearer {API_KEY}x"},
    {"Cookie": "token=x"},
]


async def refused(site: Site, row: Row, headers: dict[str, str]) -> None:
    """Send a bad request and hold the answer against its row."""
    facts, files = list(site.core.facts), dict(site.files.kept)
    options: dict[str, Any] = {"headers": {**headers, **row.headers}}
    if isinstance(row.body, bytes):
        options["data"] = row.body
        options["headers"] = {**headers, **JSON, **row.headers}
    elif row.body is not None:
        options["json"] = row.body
    async with asyncio.timeout(5):
        status, problem = await site.ask(row.method, row.path, **options)
    assert status == row.status, problem
    if row.method != "HEAD":
        assert problem["status"] == row.status
        assert row.named in problem["detail"] or row.named in problem, problem
        assert "Traceback" not in str(problem)
        assert 'File "' not in str(problem)
    assert (site.core.facts, site.files.kept) == (facts, files)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.what}"[:70])
async def test_bad_input_of_a_customer_is_refused(site: Site, customer: Customer, row: Row) -> None:
    """Each row gets exactly its status, names its field and stores nothing."""
    await refused(site, row, customer.headers)


@pytest.mark.parametrize("row", BOT_ROWS, ids=lambda row: f"{row.method} {row.what}"[:70])
async def test_bad_input_of_a_bot_is_refused(site: Site, row: Row) -> None:
    """The same, for the bot API."""
    _, made = await site.bot("POST", "", json={"customer": {}})
    row = Row(
        row.what, row.method, row.path.replace("{id}", made["id"]), row.body, row.status, row.named
    )
    await refused(site, row, {"Authorization": f"Bearer {API_KEY}"})


@pytest.mark.parametrize(("method", "path"), TOKENLESS)
async def test_nobody_gets_in_without_a_token(site: Site, method: str, path: str) -> None:
    """Every call refuses a missing, malformed or foreign token with 401, before anything else."""
    for headers in FORGED:
        status, problem = await site.ask(method, path, headers=headers)
        assert (status, problem["title"]) == (401, "Unauthorized"), headers
    assert site.core.facts == []


async def test_one_api_is_not_the_other(site: Site, customer: Customer) -> None:
    """A session token opens no bot call, and an API key no customer call."""
    assert (await site.ask("GET", f"{BOT}/{customer.id}", headers=customer.headers))[0] == 401
    key = {"Authorization": f"Bearer {API_KEY}"}
    assert (await site.ask("GET", "/v1/conversation", headers=key))[0] == 401


async def test_a_stream_ticket_is_no_session(site: Site, customer: Customer) -> None:
    """A ticket opens a stream and nothing else; a session token opens no stream."""
    _, ticket = await customer.ask("POST", "/v1/stream-tickets")
    bearer = {"Authorization": f"Bearer {ticket['ticket']}"}
    assert (await site.ask("GET", "/v1/conversation", headers=bearer))[0] == 401
    path = f"/v1/stream?ticket={customer.session['token']}"
    assert (await site.ask("GET", path))[0] == 401


async def test_an_old_ticket_opens_nothing(site: Site, customer: Customer) -> None:
    """A ticket is good for a minute."""
    _, ticket = await customer.ask("POST", "/v1/stream-tickets")
    site.clock.shift += 61
    assert (await site.ask("GET", f"/v1/stream?ticket={ticket['ticket']}"))[0] == 401


async def test_a_bad_last_event_id_is_named(site: Site, customer: Customer) -> None:
    """A Last-Event-ID that is no cursor gets 422 naming the header."""
    _, ticket = await customer.ask("POST", "/v1/stream-tickets")
    path = f"/v1/stream?ticket={ticket['ticket']}"
    status, problem = await site.ask("GET", path, headers={"Last-Event-ID": "x"})
    assert (status, problem["field"]) == (422, "Last-Event-ID")


async def test_many_odd_bodies_take_little_time(site: Site, customer: Customer) -> None:
    """Deep, wide and long bodies are refused in well under a second each."""
    loop = asyncio.get_running_loop()
    for body in (DEEP, MANY, b"[" * 260_000, b'{"a":' * 40_000, b"1" * 250_000):
        began = loop.time()
        options = {"data": body, "headers": {**customer.headers, **JSON}}
        status, _ = await site.ask("POST", "/v1/messages", **options)
        assert status in {400, 422}
        assert loop.time() - began < 0.5


def test_the_table_is_not_small() -> None:
    """There are rows for every call that takes anything."""
    assert len(ROWS) + len(BOT_ROWS) >= 60
    assert SETTINGS.api_keys
