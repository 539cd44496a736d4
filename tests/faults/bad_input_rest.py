"""Bad requests to the sandbox desk, the operator's door and the pages; and what is no HTTP."""

from adapters.sandbox.page import FOLDER
from tests.faults.bad_input import CANARY, Row, at, bad

POSTS = "POST /sandbox/threads/{thread}/posts"
THREAD = "/sandbox/threads/<thread>"
VERBS = "POST /sandbox/threads/{thread}/verbs"
TYPING = "POST /sandbox/threads/{thread}/typing"
PATCH = "PATCH /sandbox/posts/{post}"
DELETE = "DELETE /sandbox/posts/{post}"
FILES = "GET /sandbox/threads/{thread}/files/{file}"
SAID = {"as": "<mate>", "text": CANARY}
OTHER_METHOD = "This address does not know this method; Allow names those it knows."
ANY_PAGE = {"Host": "evil.example"}
OTHER_HOST = "Open the page under the address that was printed at start."
OTHER_PAGE = "Only the desk's own page may call this."

SANDBOX = {
    "GET /sandbox/room": "/sandbox/room",
    "GET /sandbox/stream": "/sandbox/stream",
    "GET /sandbox/threads/{thread}": THREAD,
    POSTS: f"{THREAD}/posts",
    VERBS: f"{THREAD}/verbs",
    TYPING: f"{THREAD}/typing",
    PATCH: "/sandbox/posts/<post>",
    DELETE: "/sandbox/posts/<post>",
    FILES: f"{THREAD}/files/<other_file>",
}
EVERY_CALL = [
    row
    for route, target in SANDBOX.items()
    for row in at(
        route,
        bad("under another name", 403, OTHER_HOST, headers=ANY_PAGE, target=target),
        bad(
            "from another page",
            403,
            OTHER_PAGE,
            headers={"Origin": "https://evil.example"},
            target=target,
        ),
        bad(
            "across sites", 403, OTHER_PAGE, headers={"Sec-Fetch-Site": "cross-site"}, target=target
        ),
    )
]


def to(route: str, *rows: Row) -> list[Row]:
    """Return rows that are sent to the thread or post there is."""
    target = SANDBOX[route]
    return [
        Row(route, r.what, r.status, r.detail, r.sent, r.headers, r.target or target, r.bare)
        for r in rows
    ]


DESK = [
    *to(
        POSTS,
        bad(
            "without the page's header",
            403,
            "Send the header X-Handoff-Desk: 1 with every change.",
            SAID,
            bare=True,
        ),
        bad(
            "text",
            415,
            "Send the body as application/json.",
            b"{}",
            headers={"Content-Type": "text/plain"},
        ),
        bad("broken JSON", 400, "The body is not JSON.", b"{"),
        bad("a list", 422, "The body must be a JSON object.", []),
        bad("deep", 400, "The body is not JSON.", b"[" * 60_000),
        bad(
            "over the limit",
            413,
            "The body is over 65536 bytes.",
            b'{"text":"' + b"x" * 66_000 + b'"}',
        ),
        bad("no text", 422, "text must not be empty.", {"as": "<mate>"}),
        bad("blank", 422, "text must not be empty.", {**SAID, "text": " \0 "}),
        bad("half a pair alone", 422, "text must not be empty.", {**SAID, "text": "\ud800"}),
        bad("text as number", 422, "text must be a text.", {**SAID, "text": 5}),
        bad(
            "8,001 characters",
            422,
            "text may have 8000 characters at most.",
            {**SAID, "text": "x" * 8001},
        ),
        bad("as nobody", 422, "as must be one of: support, workshop.", {**SAID, "as": "swordfish"}),
        bad("note as text", 422, "note must be true or false.", {**SAID, "note": "yes"}),
        bad(
            "unknown field",
            422,
            "There is no field 'role'. Known: as, text, note.",
            {**SAID, "role": "customer"},
        ),
        bad(
            "a name twice",
            400,
            "The body is not JSON.",
            b'{"as":"<mate>","text":"a","text":"swordfish"}',
        ),
        bad("NaN", 400, "The body is not JSON.", b'{"as":"<mate>","text":NaN}'),
        bad(
            "a number of 5,000 digits",
            400,
            "The body is not JSON.",
            b'{"text":' + b"9" * 5000 + b"}",
        ),
        bad(
            "unknown thread", 404, "There is no thread 1.", SAID, target="/sandbox/threads/1/posts"
        ),
        bad(
            "thread as word",
            404,
            "There is no thread 'x'.",
            SAID,
            target="/sandbox/threads/x/posts",
        ),
        bad(
            "thread of 40 digits",
            404,
            "There is no thread '9999999999999999999999999999999999999999'.",
            SAID,
            target=f"/sandbox/threads/{'9' * 40}/posts",
        ),
    ),
    *to(
        VERBS,
        bad("no verb", 422, "verb must not be empty.", {"as": "<mate>"}),
        bad(
            "unknown verb",
            422,
            "verb must be one of: claim, release, assign, resolve, return.",
            {"as": "<mate>", "verb": "delete"},
        ),
        bad(
            "assign to nobody",
            422,
            "target must be one of: support, workshop.",
            {"as": "<mate>", "verb": "assign", "target": "x"},
        ),
        bad(
            "another handoff",
            409,
            "There is no such handoff here. Nothing was changed.",
            {"as": "<mate>", "verb": "resolve", "handoff_id": "<handoff>"},
        ),
        bad(
            "an unknown handoff",
            409,
            "There is no such handoff here. Nothing was changed.",
            {"as": "<mate>", "verb": "resolve", "handoff_id": "h_x"},
        ),
        bad(
            "a handoff with half a pair",
            409,
            "There is no such handoff here. Nothing was changed.",
            {"as": "<mate>", "verb": "resolve", "handoff_id": "h\ud800"},
        ),
        bad(
            "unknown field",
            422,
            "There is no field 'force'. Known: as, verb, handoff_id, target.",
            {"as": "<mate>", "verb": "claim", "force": True},
        ),
    ),
    *to(
        TYPING,
        bad("as nobody", 422, "as must be one of: support, workshop.", {"as": "x"}),
        bad(
            "unknown field",
            422,
            "There is no field 'text'. Known: as.",
            {"as": "<mate>", "text": CANARY},
        ),
    ),
    *to(
        PATCH,
        bad("no text", 422, "text must not be empty.", {"as": "<mate>"}),
        bad(
            "another's post",
            403,
            "Only who wrote a post can change it.",
            {"as": "<other_mate>", "text": CANARY},
        ),
        bad(
            "unknown post",
            404,
            "There is no post 1; it may have been deleted.",
            SAID,
            target="/sandbox/posts/1",
        ),
        bad("post as word", 404, "There is no post 'x'.", SAID, target="/sandbox/posts/x"),
    ),
    *to(
        DELETE,
        bad("nobody", 422, "as must not be empty."),
        bad(
            "another's post",
            403,
            "Only who wrote a post can change it.",
            target="/sandbox/posts/<post>?as=<other_mate>",
        ),
        bad(
            "unknown field",
            422,
            "There is no field 'force'. Known: as.",
            target="/sandbox/posts/<post>?as=<mate>&force=1",
        ),
        bad(
            "unknown post",
            404,
            "There is no post 1; it may have been deleted.",
            target="/sandbox/posts/1?as=<mate>",
        ),
    ),
    *to(
        FILES,
        bad(
            "another conversation's file",
            404,
            "There is no such file in this thread.",
            target=f"{THREAD}/files/<file>",
        ),
        bad(
            "a path",
            404,
            "There is no such file in this thread.",
            target=f"{THREAD}/files/..%2f..%2fhandoff.db",
        ),
    ),
    *to(
        "GET /sandbox/stream",
        bad(
            "cursor as word",
            422,
            "after must be a whole number, in digits.",
            target="/sandbox/stream?after=x",
        ),
        bad(
            "negative Last-Event-ID",
            422,
            "Last-Event-ID must be a whole number, in digits.",
            headers={"Last-Event-ID": "-1"},
        ),
        bad("thread as word", 404, "There is no thread 'x'.", target="/sandbox/stream?thread=x"),
    ),
    *to(
        "GET /sandbox/threads/{thread}",
        bad("unknown", 404, "There is no thread 1.", target="/sandbox/threads/1"),
    ),
]

STEERING = [
    row
    for route, target in (
        ("GET /operator/dead", "/operator/dead"),
        ("POST /operator/dead/{id}/{verb}", "/operator/dead/all/retry"),
        ("POST /operator/policy/reload", "/operator/policy/reload"),
    )
    for what, value in (
        ("nobody", None),
        ("an API key", "Bearer <key>"),
        ("a session token", "Bearer <token>"),
        ("not ASCII", "Bearer \xe9"),
    )
    for row in at(
        route,
        bad(
            what,
            401,
            "Authorization: this wants the operator's token.",
            target=target,
            bare=True,
            headers={"Authorization": value},
        ),
    )
] + at(
    "POST /operator/dead/{id}/{verb}",
    bad(
        "another verb", 404, "There is nothing at this address.", target="/operator/dead/d_1/delete"
    ),
)

BEARER = b"Host: x\r\nAuthorization: Bearer <token>\r\n"
HEAD = b"POST /v1/messages HTTP/1.1\r\n" + BEARER + b"Content-Type: application/json\r\n"
BODY = b'{"client_id":"w1","text":"swordfish"}'
SMUGGLED = b"POST /v1/return HTTP/1.1\r\n" + BEARER + b"Content-Length: 0\r\n\r\n"
METHOD = "Nothing here knows this method."
WRONG = "This is not a well-formed HTTP request."

WIRE = [
    *at(
        "POST /v1/messages",
        bad(
            "both lengths",
            400,
            WRONG,
            raw=HEAD
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + SMUGGLED,
        ),
        bad(
            "two lengths",
            400,
            WRONG,
            raw=HEAD + b"Content-Length: 37\r\nContent-Length: 0\r\n\r\n" + BODY + SMUGGLED,
        ),
        bad("negative length", 400, WRONG, raw=HEAD + b"Content-Length: -1\r\n\r\n" + BODY),
        bad("length with a sign", 400, WRONG, raw=HEAD + b"Content-Length: +37\r\n\r\n" + BODY),
        bad("length as word", 400, WRONG, raw=HEAD + b"Content-Length: many\r\n\r\n" + BODY),
        bad(
            "chunk of no size",
            400,
            WRONG,
            raw=HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
        ),
        bad(
            "chunked twice",
            400,
            WRONG,
            raw=HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        ),
        bad(
            "unknown coding",
            400,
            WRONG,
            raw=HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        ),
        bad(
            "blank before a colon",
            400,
            WRONG,
            raw=HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        ),
        bad("folded header", 400, WRONG, raw=HEAD + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
        bad(
            "bare line feeds",
            400,
            WRONG,
            raw=HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 37\n\n" + BODY,
        ),
        bad("NUL in a header", 400, WRONG, raw=HEAD + b"X-A: \0\r\nContent-Length: 0\r\n\r\n"),
        bad(
            "a header of 100,000 bytes",
            400,
            WRONG,
            raw=HEAD + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
        ),
        bad("10,000 headers", 400, WRONG, raw=HEAD + b"X-A: b\r\n" * 10_000 + b"\r\n"),
        bad(
            "Expect something",
            417,
            "Expect knows 100-continue only.",
            raw=HEAD + b"Expect: tea\r\nContent-Length: 37\r\nConnection: close\r\n\r\n" + BODY,
        ),
    ),
    *at(
        "GET /healthz",
        bad("no HTTP", 405, METHOD, raw=b"hello\r\n\r\n"),
        bad("another protocol", 400, WRONG, raw=b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n"),
        bad("HTTP/2 without asking", 400, WRONG, raw=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        bad("TLS", 405, METHOD, raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        bad("a made-up method", 405, METHOD, raw=b"FROB /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        bad(
            "a path of 100,000 bytes",
            400,
            WRONG,
            raw=b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
    ),
]

OVERRIDE = b"GET /v1/typing HTTP/1.1\r\n" + BEARER + b"X-HTTP-Method-Override: POST\r\n"
OVERRIDE += b"Connection: close\r\n\r\n"
WIRE += at("POST /v1/typing", bad("another method in a header", 405, OTHER_METHOD, raw=OVERRIDE))

NO_ADDRESS = "There is nothing at this address."
NOWHERE = [
    bad(what, 404, NO_ADDRESS, target=target)
    for what, target in (
        ("two slashes", "//healthz"),
        ("dots and a semicolon", "/healthz/..;/operator/dead"),
        ("an escaped slash", "/v1%2fmessages"),
        ("a slash behind", "/healthz/"),
        ("another file", "/widget.js.map"),
        ("a path out", "/demo/..%2f..%2frooms.py"),
        ("a name to run", "/healthz.php"),
    )
]

OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/widget.js")
ASSETS = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".html")
DEMO = ("/", "/demo", "/demo.js", "/demo.css", *(f"/demo/{name}" for name in ASSETS))
OF_EVERY_PAGE = [
    row
    for page in (*OPEN, *DEMO)
    for row in at(f"GET {page}", bad("sent to", 405, OTHER_METHOD, {}, method="POST"))
] + [
    row
    for page in DEMO
    for row in at(f"GET {page}", bad("under another name", 403, OTHER_HOST, headers=ANY_PAGE))
]

ROWS = [*EVERY_CALL, *DESK, *STEERING, *WIRE, *at("GET /healthz", *NOWHERE)]
