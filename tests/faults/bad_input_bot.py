"""Bad requests to the bot API, and their exact refusals."""

from tests.faults.bad_input import CANARY, Row, at, bad

OPEN = "POST /v1/bot/conversations"
WRITE = f"{OPEN}/{{id}}/messages"
ESCALATE = f"{OPEN}/{{id}}/escalate"
RETURN = f"{OPEN}/{{id}}/return"
LOOK = "GET /v1/bot/conversations/{id}"
LIST = f"{LOOK}/messages"
FILE = f"{LOOK}/files/{{file_id}}"
ABOUT = "external_id, name, email, locale, attributes"
HERE = "/v1/bot/conversations/<conversation>"
THERE = "/v1/bot/conversations/c_unknown"
SAID = {"client_id": "b1", "role": "assistant", "text": CANARY}
PAST = {"client_id": "p1", "role": "customer", "text": CANARY}


def target_of(route: str) -> str:
    """Return where a route is for the conversation there is."""
    path = route.split()[1].replace("{id}", "<conversation>")
    return path.replace("{file_id}", "<file>")


NO_FILE = "There is no such file in this conversation."

KEYS = [
    ("no key", None, "Authorization: send the token as `Bearer <token>`."),
    ("key with a byte more", "Bearer <key>x", "Authorization: this wants one of HANDOFF_API_KEYS."),
    (
        "session token as key",
        "Bearer <token>",
        "Authorization: this wants one of HANDOFF_API_KEYS.",
    ),
    (
        "both keys at once",
        "Bearer another-key-0123456789,<key>",
        "Authorization: this wants one of HANDOFF_API_KEYS.",
    ),
    ("empty key", "Bearer ", "Authorization: this wants one of HANDOFF_API_KEYS."),
]
UNAUTHORISED = [
    row
    for route in (OPEN, WRITE, ESCALATE, RETURN, LOOK, LIST, FILE)
    for what, value, detail in KEYS
    for row in at(
        route,
        bad(
            what, 401, detail, bare=True, headers={"Authorization": value}, target=target_of(route)
        ),
    )
]


def here(route: str, *rows: Row) -> list[Row]:
    """Return the rows of a route, sent to the conversation there is."""
    path = target_of(route)
    return [
        Row(route, r.what, r.status, r.detail, r.sent, r.headers, r.target or path) for r in rows
    ]


ROWS = [
    *UNAUTHORISED,
    *at(
        OPEN,
        bad("nothing", 422, "customer: is missing.", {}),
        bad(
            "customer as text", 422, "customer: must be an object, not text.", {"customer": CANARY}
        ),
        bad(
            "customer's name as number",
            422,
            "customer.name: must be text, not a number.",
            {"customer": {"name": 5}},
        ),
        bad(
            "unknown field of the customer",
            422,
            f"customer.vip: not known here. Known fields: {ABOUT}.",
            {"customer": {"vip": True}},
        ),
        bad(
            "external id of two lines",
            422,
            "external_id: must be one line without control characters.",
            {"customer": {}, "external_id": "a\nb"},
        ),
        bad(
            "external id with half a pair",
            422,
            "external_id: must not contain half of a surrogate pair.",
            {"customer": {}, "external_id": "\udc00"},
        ),
        bad(
            "messages as object",
            422,
            "messages: must be a list, not an object.",
            {"customer": {}, "messages": {}},
        ),
        bad(
            "201 messages",
            422,
            "messages: must have at most 200 entries, not 201.",
            {"customer": {}, "messages": [PAST] * 201},
        ),
        bad(
            "message without role",
            422,
            "messages[0].role: is missing.",
            {"customer": {}, "messages": [{"client_id": "x"}]},
        ),
        bad(
            "time without zone",
            422,
            "messages[0].sent_at: must be a time such as 2026-01-31T12:00:00Z.",
            {"customer": {}, "messages": [{**PAST, "sent_at": "2026-01-01T00:00:00"}]},
        ),
        bad(
            "time in the year 9999",
            422,
            "messages[0].sent_at: must be a time such as 2026-01-31T12:00:00Z.",
            {"customer": {}, "messages": [{**PAST, "sent_at": "9999-12-31T23:59:59Z"}]},
        ),
        bad(
            "time in the year 0",
            422,
            "messages[0].sent_at: must be a time such as 2026-01-31T12:00:00Z.",
            {"customer": {}, "messages": [{**PAST, "sent_at": "0000-00-00T00:00:00Z"}]},
        ),
        bad(
            "attribute as list",
            422,
            "customer.attributes.a: must be text, not a list.",
            {"customer": {"attributes": {"a": [CANARY]}}},
        ),
        bad(
            "over the limit",
            413,
            "The body is too large: at most 1048576 bytes are taken.",
            b'{"customer":{},"external_id":"' + b"x" * (1 << 20) + b'"}',
        ),
        bad("deep", 400, "The body is nested too deep.", b'{"customer":' * 50_000),
    ),
    *here(
        WRITE,
        bad("nothing", 422, "client_id: is missing.", {}),
        bad(
            "as teammate",
            422,
            "role: must be one of customer, assistant.",
            {**SAID, "role": "teammate"},
        ),
        bad(
            "as system",
            422,
            "role: must be one of customer, assistant.",
            {**SAID, "role": "system"},
        ),
        bad("blank", 422, "text: must not be blank.", {**SAID, "text": "\u2003"}),
        bad("nothing to see", 422, "text: must not be blank.", {**SAID, "text": "\u200b\u2060"}),
        bad(
            "epoch as text", 422, "epoch: must be a whole number, not text.", {**SAID, "epoch": "1"}
        ),
        bad(
            "negative epoch",
            422,
            "epoch: must be between 0 and 9007199254740991.",
            {**SAID, "epoch": -1},
        ),
        bad("stale epoch", 409, "The assistant no longer has the floor.", {**SAID, "epoch": 0}),
        bad("epoch to come", 409, "The assistant no longer has the floor.", {**SAID, "epoch": 99}),
        bad("while a person has the floor", 409, "The assistant no longer has the floor.", SAID),
        bad(
            "old epoch while the assistant has the floor",
            409,
            "The assistant no longer has the floor.",
            {**SAID, "epoch": 99},
            target="/v1/bot/conversations/<idle_conversation>/messages",
        ),
        bad(
            "visibility",
            422,
            "visibility: not known here. Known fields: client_id, role, text, epoch.",
            {**SAID, "visibility": "internal"},
        ),
        bad(
            "unknown conversation",
            404,
            "There is no such conversation.",
            SAID,
            target=f"{THERE}/messages",
        ),
        bad(
            "conversation by query",
            404,
            "There is no such conversation.",
            SAID,
            target="/v1/bot/conversations/%27%20OR%201=1/messages",
        ),
        bad(
            "client_id used with other words",
            409,
            "client_id: was used before with other words; give every message an id of its own.",
            {**SAID, "role": "customer", "client_id": "bot-first"},
            target="/v1/bot/conversations/<idle_conversation>/messages",
        ),
    ),
    *here(
        ESCALATE,
        bad("nothing", 422, "reason: is missing.", {}),
        bad("empty reason", 422, "reason: must not be empty.", {"reason": ""}),
        bad(
            "urgency of one's own",
            422,
            "urgency: must be one of low, normal, high.",
            {"reason": CANARY, "urgency": "now"},
        ),
        bad(
            "a desk there is not",
            422,
            "desk: must be one of slack, sandbox.",
            {"reason": CANARY, "desk": "fax"},
        ),
        bad(
            "summary as list",
            422,
            "summary: must be text, not a list.",
            {"reason": CANARY, "summary": [CANARY]},
        ),
        bad(
            "summary too long",
            422,
            "summary: must have at most 4000 characters, not 4001.",
            {"reason": CANARY, "summary": "x" * 4001},
        ),
        bad(
            "unknown conversation",
            404,
            "There is no such conversation.",
            {"reason": CANARY},
            target=f"{THERE}/escalate",
        ),
    ),
    *here(
        RETURN,
        bad("unknown field", 422, "to: not known here. Known fields: none.", {"to": CANARY}),
        bad(
            "unknown conversation",
            404,
            "There is no such conversation.",
            {},
            target=f"{THERE}/return",
        ),
    ),
    *here(
        LOOK,
        bad("unknown conversation", 404, "There is no such conversation.", target=THERE),
        bad(
            "name of 81 characters",
            404,
            "There is no such conversation.",
            target="/v1/bot/conversations/" + "x" * 81,
        ),
        bad("a NUL", 404, "There is no such conversation.", target="/v1/bot/conversations/c%00"),
        bad(
            "a question",
            422,
            "notes: not known here. Known fields: none.",
            target=f"{HERE}?notes=1",
        ),
    ),
    *here(
        LIST,
        bad(
            "negative limit",
            422,
            "limit: must be a whole number between 1 and 200, in digits.",
            target=f"{HERE}/messages?limit=-1",
        ),
        bad(
            "cursor as word",
            422,
            "after: must be a whole number between 0 and 9007199254740991, in digits.",
            target=f"{HERE}/messages?after=x",
        ),
        bad(
            "unknown conversation",
            404,
            "There is no such conversation.",
            target=f"{THERE}/messages",
        ),
    ),
    *here(
        FILE,
        bad("unknown", 404, NO_FILE, target=f"{HERE}/files/f_unknown"),
        bad("another's", 404, NO_FILE, target=f"{HERE}/files/<other_file>"),
        bad("of no conversation", 404, NO_FILE, target=f"{THERE}/files/<file>"),
        bad("a path out", 404, NO_FILE, target=f"{HERE}/files/..%2F..%2Fhandoff.key"),
        bad(
            "a conversation that is no id",
            404,
            "There is no such conversation.",
            target="/v1/bot/conversations/c%00/files/<file>",
        ),
    ),
]
