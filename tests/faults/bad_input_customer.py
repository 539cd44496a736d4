"""Bad requests to the customer API, tickets and streams included, and their exact refusals."""

from tests.faults.bad_input import CANARY, Row, at, bad

MESSAGE = {"client_id": "m1", "text": CANARY}
JWT_NONE = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJleHAiOjk5OTk5OTk5OTl9."
LARGE = b'{"client_id":"m1","text":"' + b"x" * 262_144 + b'"}'
DEEP = b"[" * 200_000
MANY = b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}"
PACKED = {"Content-Encoding": "gzip"}

WHO = [
    ("no token", None),
    ("another scheme", "Basic YTpi"),
    ("forged token", "Bearer <forged_token>"),
    ("token of 31 days ago", "Bearer <old_token>"),
    ("token with a byte more", "Bearer <token>A"),
    ("stream ticket as token", "Bearer <ticket>"),
    ("API key as token", "Bearer <key>"),
    ("token that is not ASCII", "Bearer \xe9.\xfc"),
]
GUARDED = (
    "GET /v1/conversation",
    "GET /v1/messages",
    "POST /v1/messages",
    "POST /v1/escalate",
    "POST /v1/return",
    "POST /v1/typing",
    "POST /v1/read",
    "POST /v1/rating",
    "POST /v1/files",
    "GET /v1/files/{id}",
    "POST /v1/stream-tickets",
)
WHERE = {"GET /v1/files/{id}": "/v1/files/<file>", "OPTIONS /v1/files/{id}": "/v1/files/<file>"}
NO_TOKEN = "Authorization: send the token as `Bearer <token>`."
NOT_VALID = "The token is not valid (any more). Open a session with POST /v1/sessions."
FOREIGN = "Origin: this site is not among HANDOFF_ALLOWED_ORIGINS."
EVIL: dict[str, str | None] = {"Origin": "https://evil.example"}
FOREIGN_SITES = (
    "https://evil.example",
    "null",
    "https://shop.example.evil.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://SHOP.example",
    "https://shop.example.",
)


def _unauthorised() -> list[Row]:
    rows = []
    for route in GUARDED:
        for what, value in WHO:
            is_bearer = (value or "").startswith("Bearer")
            detail = NOT_VALID if is_bearer else NO_TOKEN
            headers = {"Authorization": value}
            target = WHERE.get(route, "")
            rows += at(route, bad(what, 401, detail, headers=headers, bare=True, target=target))
    return rows


def _foreign() -> list[Row]:
    routes = (*GUARDED, "POST /v1/sessions")
    rows = [
        row
        for route in routes
        for row in at(
            route, bad("a foreign site", 403, FOREIGN, headers=EVIL, target=WHERE.get(route, ""))
        )
    ]
    more = [
        bad(f"from {site}", 403, FOREIGN, {}, headers={"Origin": site}) for site in FOREIGN_SITES
    ]
    return rows + at("POST /v1/sessions", *more)


ABOUT = "name, email, locale, page_url, attributes, identity, token"
UNKNOWN_ABOUT = f"not known here. Known fields: {ABOUT}."
NO_NAME = "Expecting property name enclosed in double quotes"

SESSIONS = at(
    "POST /v1/sessions",
    bad("name as number", 422, "name: must be text, not a number.", {"name": 5}),
    bad(
        "name of 101 characters",
        422,
        "name: must have at most 100 characters, not 101.",
        {"name": "x" * 101},
    ),
    bad(
        "name of two lines",
        422,
        "name: must be one line without control characters.",
        {"name": f"{CANARY}\nx"},
    ),
    bad(
        "e-mail with a header in it",
        422,
        "email: must be one line without control characters.",
        {"email": "a@b.example\r\nBcc: c@d.example"},
    ),
    bad("e-mail that is none", 422, "email: must look like 'ada@example.org'.", {"email": CANARY}),
    bad("locale as path", 422, "locale: must look like 'pt-BR'.", {"locale": "../../etc/passwd"}),
    bad(
        "page that is a script",
        422,
        "page_url: must be an http or https address.",
        {"page_url": "javascript:alert(1)"},
    ),
    bad(
        "page without a host",
        422,
        "page_url: must be an http or https address.",
        {"page_url": "https:///x"},
    ),
    bad(
        "page of a broken address",
        422,
        "page_url: must be an http or https address.",
        {"page_url": "http://[bad"},
    ),
    bad(
        "unsigned identity",
        401,
        "identity: must be a signed JSON Web Token in compact form.",
        {"identity": JWT_NONE},
    ),
    bad("identity as list", 422, "identity: must be text, not a list.", {"identity": ["x"]}),
    bad("token as object", 422, "token: must be text, not an object.", {"token": {"$ne": ""}}),
    bad(
        "token of 1,025 characters",
        422,
        "token: must have at most 1024 characters, not 1025.",
        {"token": "x" * 1025},
    ),
    bad(
        "attributes with a number",
        422,
        "attributes.plan: must be text, not a number.",
        {"attributes": {"plan": 5}},
    ),
    bad(
        "attributes in 51 names",
        422,
        "attributes: must have at most 50 names, not 51.",
        {"attributes": {str(n): "x" for n in range(51)}},
    ),
    bad(
        "a conversation of one's choice",
        422,
        f"conversation_id: {UNKNOWN_ABOUT}",
        {"conversation_id": "<other_conversation>"},
    ),
    bad(
        "a role of one's choice",
        422,
        f"role, verified: {UNKNOWN_ABOUT}",
        {"role": "teammate", "verified": True},
    ),
    bad(
        "a form",
        415,
        "Content-Type: must be application/json.",
        b"name=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    bad(
        "text",
        415,
        "Content-Type: must be application/json.",
        b"{}",
        headers={"Content-Type": "text/plain"},
    ),
    bad(
        "no type",
        415,
        "Content-Type: must be application/json.",
        b"{}",
        headers={"Content-Type": None},
    ),
)

MESSAGES = at(
    "POST /v1/messages",
    bad("nothing", 422, "client_id: is missing.", {}),
    bad("no text", 422, "text: is missing.", {"client_id": "m1"}),
    bad(
        "client_id with a space",
        422,
        "client_id: must look like '7b1d0c1e-5a8e'.",
        {**MESSAGE, "client_id": "a b"},
    ),
    bad(
        "client_id of 101 characters",
        422,
        "client_id: must have at most 100 characters, not 101.",
        {**MESSAGE, "client_id": "x" * 101},
    ),
    bad(
        "client_id null", 422, "client_id: must be text, not null.", {**MESSAGE, "client_id": None}
    ),
    bad(
        "client_id used with other words",
        409,
        "client_id: was used before with other words; give every message an id of its own.",
        {**MESSAGE, "client_id": "first"},
    ),
    bad(
        "text of blanks",
        422,
        "text: must not be blank when there are no attachments.",
        {**MESSAGE, "text": " \n\t\u2003"},
    ),
    bad(
        "text of what is not seen",
        422,
        "text: must not be blank when there are no attachments.",
        {**MESSAGE, "text": "\u200b\u202e"},
    ),
    bad(
        "text of 10,001 characters",
        422,
        "text: must have at most 10000 characters, not 10001.",
        {**MESSAGE, "text": "x" * 10_001},
    ),
    bad(
        "text as object",
        422,
        "text: must be text, not an object.",
        {**MESSAGE, "text": {"a": CANARY}},
    ),
    bad(
        "NUL",
        422,
        "text: must not contain the character NUL (U+0000).",
        {**MESSAGE, "text": f"{CANARY}\0"},
    ),
    bad(
        "half a surrogate pair",
        422,
        "text: must not contain half of a surrogate pair.",
        {**MESSAGE, "text": f"{CANARY}\ud800"},
    ),
    bad(
        "unknown field",
        422,
        "priority: not known here. Known fields: client_id, text, attachments.",
        {**MESSAGE, "priority": 1},
    ),
    bad(
        "role, seq and more",
        422,
        "role, seq, private: not known here. Known fields: client_id, text, attachments.",
        {**MESSAGE, "role": "teammate", "seq": 1, "private": True},
    ),
    bad(
        "prototype",
        422,
        "__proto__: not known here. Known fields: client_id, text, attachments.",
        {**MESSAGE, "__proto__": {"x": 1}},
    ),
    bad(
        "file of another conversation",
        422,
        "attachments[0]: is no file of the customer's; upload it to /v1/files.",
        {**MESSAGE, "attachments": ["<other_file>"]},
    ),
    bad(
        "file by path",
        422,
        "attachments[0]: must look like 'f_0a1b2c3d4e'.",
        {**MESSAGE, "attachments": ["../../handoff.db"]},
    ),
    bad(
        "file twice",
        422,
        "attachments[1]: stands twice in the list.",
        {**MESSAGE, "attachments": ["<file>", "<file>"]},
    ),
    bad(
        "11 files",
        422,
        "attachments: must have at most 10 entries, not 11.",
        {**MESSAGE, "attachments": ["f"] * 11},
    ),
    bad("a list", 422, "the body: must be an object, not a list.", [MESSAGE]),
    bad(
        "broken JSON",
        400,
        f"The body is not JSON: {NO_NAME} at line 1, column 38.",
        b'{"client_id":"m1","text":"swordfish",}',
    ),
    bad("not UTF-8", 400, "The body is not UTF-8.", b'{"client_id":"m1","text":"swordfish\xff"}'),
    bad(
        "a name twice",
        422,
        "client_id: stands twice in the same object.",
        b'{"client_id":"m1","client_id":"m2","text":"swordfish"}',
    ),
    bad(
        "NaN", 400, "The body is not JSON: NaN is no JSON value.", b'{"client_id":"m1","text":NaN}'
    ),
    bad(
        "1e999",
        400,
        "The body holds a number that is too large.",
        b'{"client_id":"m1","text":1e999}',
    ),
    bad(
        "5,000 digits",
        400,
        "The body holds a number of too many digits.",
        b'{"client_id":"m1","text":' + b"9" * 5000 + b"}",
    ),
    bad("200,000 brackets", 400, "The body is nested too deep.", DEEP),
    bad(
        "20,000 names",
        422,
        "k0, k1, k2, k3, k4: not known here. Known fields: client_id, text, attachments.",
        MANY,
    ),
    bad("over the limit", 413, "The body is too large: at most 262144 bytes are taken.", LARGE),
    bad(
        "gzip",
        415,
        "Content-Encoding: send the body unpacked.",
        b"\x1f\x8b\x08\x00swordfish",
        headers=PACKED,
    ),
    bad(
        "deflate",
        415,
        "Content-Encoding: send the body unpacked.",
        b"x\x9c",
        headers={"Content-Encoding": "deflate"},
    ),
    bad(
        "latin-1",
        415,
        "Content-Type: the charset must be utf-8.",
        b"{}",
        headers={"Content-Type": "application/json; charset=latin-1"},
    ),
    bad(
        "token in the address",
        422,
        "token: not known here. Known fields: none.",
        MESSAGE,
        target="/v1/messages?token=<token>",
    ),
)

PAGES = [
    *at(
        "GET /v1/messages",
        bad(
            "negative limit",
            422,
            "limit: must be a whole number between 1 and 200, in digits.",
            target="/v1/messages?limit=-1",
        ),
        bad("limit 201", 422, "limit: must be between 1 and 200.", target="/v1/messages?limit=201"),
        bad(
            "limit in other digits",
            422,
            "limit: must be a whole number between 1 and 200, in digits.",
            target="/v1/messages?limit=%D9%A1",
        ),
        bad(
            "cursor as word",
            422,
            "after: must be a whole number between 0 and 9007199254740991, in digits.",
            target="/v1/messages?after=last",
        ),
        bad(
            "cursor beyond every log",
            422,
            "after: must be between 0 and 9007199254740991.",
            target="/v1/messages?after=9007199254740992",
        ),
        bad(
            "cursor of 40 digits",
            422,
            "after: must be a whole number between 0 and 9007199254740991, in digits.",
            target="/v1/messages?after=" + "9" * 40,
        ),
        bad(
            "cursor twice",
            422,
            "after: stands twice in the address.",
            target="/v1/messages?after=1&after=2",
        ),
        bad(
            "unknown question",
            422,
            "conversation: not known here. Known fields: after, limit.",
            target="/v1/messages?conversation=<other_conversation>",
        ),
    ),
    *at(
        "GET /v1/conversation",
        bad(
            "another's conversation",
            422,
            "id: not known here. Known fields: none.",
            target="/v1/conversation?id=<other_conversation>",
        ),
        bad(
            "token of a conversation that is gone",
            401,
            "The token is not valid (any more). Open a session with POST /v1/sessions.",
            bare=True,
            headers={"Authorization": "Bearer <unknown_token>"},
        ),
    ),
    *at(
        "GET /v1/files/{id}",
        bad(
            "another's file",
            404,
            "There is no such file in this conversation.",
            target="/v1/files/<other_file>",
        ),
        bad(
            "a path",
            404,
            "There is no such file in this conversation.",
            target="/v1/files/..%2f..%2fhandoff.db",
        ),
        bad("a NUL", 404, "There is no such file in this conversation.", target="/v1/files/%00"),
        bad(
            "broken escapes",
            404,
            "There is no such file in this conversation.",
            target="/v1/files/%ff%fe",
        ),
        bad(
            "a long name",
            404,
            "There is no such file in this conversation.",
            target="/v1/files/" + "a" * 4000,
        ),
        bad(
            "a question",
            422,
            "download: not known here. Known fields: none.",
            target="/v1/files/<file>?download=1",
        ),
    ),
]

STREAM = [
    *at(
        "POST /v1/stream-tickets",
        bad(
            "another's conversation",
            422,
            "conversation_id: not known here. Known fields: none.",
            {"conversation_id": "<other_conversation>"},
        ),
        bad("a list", 422, "the body: must be an object, not a list.", []),
    ),
    *at(
        "GET /v1/stream",
        bad("no ticket", 422, "ticket: is missing."),
        bad(
            "ticket that is none",
            401,
            "ticket: it is not valid (any more). Get one with POST /v1/stream-tickets.",
            target="/v1/stream?ticket=x",
        ),
        bad(
            "expired ticket",
            401,
            "ticket: it is not valid (any more). Get one with POST /v1/stream-tickets.",
            target="/v1/stream?ticket=<old_ticket>",
        ),
        bad(
            "forged ticket",
            401,
            "ticket: it is not valid (any more). Get one with POST /v1/stream-tickets.",
            target="/v1/stream?ticket=<forged_ticket>",
        ),
        bad(
            "token as ticket",
            401,
            "ticket: it is not valid (any more). Get one with POST /v1/stream-tickets.",
            target="/v1/stream?ticket=<token>",
        ),
        bad(
            "two tickets",
            422,
            "ticket: stands twice in the address.",
            target="/v1/stream?ticket=<ticket>&ticket=<ticket>",
        ),
        bad(
            "cursor as word",
            422,
            "after: must be a whole number between 0 and 9007199254740991, in digits.",
            target="/v1/stream?ticket=<ticket>&after=x",
        ),
        bad(
            "negative cursor",
            422,
            "after: must be a whole number between 0 and 9007199254740991, in digits.",
            target="/v1/stream?ticket=<ticket>&after=-1",
        ),
        bad(
            "Last-Event-ID as word",
            422,
            "Last-Event-ID: must be a whole number between 0 and 9007199254740991, in digits.",
            target="/v1/stream?ticket=<ticket>",
            headers={"Last-Event-ID": "x"},
        ),
        bad(
            "Last-Event-ID of 40 digits",
            422,
            "Last-Event-ID: must be a whole number between 0 and 9007199254740991, in digits.",
            target="/v1/stream?ticket=<ticket>",
            headers={"Last-Event-ID": "9" * 40},
        ),
        bad(
            "another topic",
            422,
            "notes: not known here. Known fields: ticket, after.",
            target="/v1/stream?ticket=<ticket>&notes=1",
        ),
        bad(
            "a foreign site",
            403,
            "Origin: this site is not among HANDOFF_ALLOWED_ORIGINS.",
            target="/v1/stream?ticket=<ticket>",
            headers={"Origin": "https://evil.example"},
        ),
    ),
]

SMALL = [
    *at(
        "POST /v1/escalate",
        bad("reason as number", 422, "reason: must be text, not a number.", {"reason": 1}),
        bad(
            "reason of 2,001 characters",
            422,
            "reason: must have at most 2000 characters, not 2001.",
            {"reason": "x" * 2001},
        ),
        bad(
            "a desk of one's choice",
            422,
            "desk, room: not known here. Known fields: reason.",
            {"desk": "slack", "room": "C1"},
        ),
    ),
    *at(
        "POST /v1/return",
        bad("unknown field", 422, "to: not known here. Known fields: none.", {"to": "assistant"}),
    ),
    *at(
        "POST /v1/typing",
        bad("unknown field", 422, "text: not known here. Known fields: none.", {"text": CANARY}),
        bad("null", 422, "the body: must be an object, not null.", b"null"),
    ),
    *at(
        "POST /v1/read",
        bad("nothing", 422, "seq: is missing.", {}),
        bad("text", 422, "seq: must be a whole number, not text.", {"seq": "1"}),
        bad("negative", 422, "seq: must be between 0 and 9007199254740991.", {"seq": -1}),
        bad("half", 422, "seq: must be a whole number, not a fraction.", {"seq": 1.5}),
        bad("beyond the log", 422, "seq: must be at most 4, the last message's.", {"seq": 9999}),
        bad(
            "beyond every log", 422, "seq: must be between 0 and 9007199254740991.", {"seq": 2**60}
        ),
    ),
    *at(
        "POST /v1/rating",
        bad("nothing", 422, "about: is missing.", {}),
        bad(
            "about nobody",
            422,
            "about: must be one of teammate, assistant.",
            {"about": "bot", "score": 5},
        ),
        bad("score 6", 422, "score: must be between 1 and 5.", {"about": "assistant", "score": 6}),
        bad(
            "score as text",
            422,
            "score: must be a whole number, not text.",
            {"about": "assistant", "score": "5"},
        ),
        bad(
            "long comment",
            422,
            "comment: must have at most 2000 characters, not 2001.",
            {"about": "assistant", "score": 5, "comment": "x" * 2001},
        ),
        bad(
            "a teammate nobody met",
            409,
            "about: no teammate has been in this conversation.",
            {"about": "teammate", "score": 5},
            headers={"Authorization": "Bearer <idle_token>"},
        ),
    ),
]

ALL = (*GUARDED, "POST /v1/sessions", "GET /v1/stream")
PATHS = sorted({route.split()[1] for route in ALL})
PREFLIGHTS = [
    row
    for path in PATHS
    for row in at(
        f"OPTIONS {path}",
        bad("a foreign site", 403, FOREIGN, headers=EVIL, target=WHERE.get(f"OPTIONS {path}", "")),
    )
]

ROWS = [
    *_unauthorised(),
    *_foreign(),
    *SESSIONS,
    *MESSAGES,
    *PAGES,
    *STREAM,
    *SMALL,
    *PREFLIGHTS,
]
