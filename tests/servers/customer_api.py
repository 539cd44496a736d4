"""The customer API as docs and contract describe it, over real HTTP, moved by hand.

It exists for what the real bridge does not do on command: refuse, stall, lose an answer, go away
and come back. Nothing happens here unless a test says so; there is no assistant.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WIDGET = Path(__file__).resolve().parents[2] / "adapters" / "web" / "static" / "widget.js"
CORS = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Expose-Headers": "Retry-After",
    "Access-Control-Max-Age": "600",
}
# One red dot.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)
EPOCH = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class Fault:
    """What happens to the next request for a path: a status, or the answer is lost on the way."""

    path: str
    status: int = 503
    retry_after: int | None = None
    lost: bool = False


@dataclass(slots=True)
class Talk:
    """One conversation, as a customer sees it, and everything the customer did."""

    id: str
    token: str
    messages: list[Json] = field(default_factory=list)
    floor: str = "assistant"
    epoch: int = 0
    cursor: int = 0
    handoff: Json | None = None
    taken: dict[str, Json] = field(default_factory=dict)
    files: dict[str, tuple[Json, bytes]] = field(default_factory=dict)
    streams: list[asyncio.Queue[tuple[str, Json]]] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    typings: int = 0
    ratings: list[Json] = field(default_factory=list)
    about: Json = field(default_factory=dict)
    clock: datetime = EPOCH

    def state(self) -> Json:
        """Return the conversation as GET /v1/conversation shows it."""
        shown = {"id": self.id, "floor": self.floor, "epoch": self.epoch}
        return {**shown, "handoff": self.handoff, "cursor": self.cursor}

    def tell(self, event: str, data: Json) -> None:
        """Send an event to every open stream."""
        for stream in self.streams:
            stream.put_nowait((event, data))

    def tick(self, seconds: float = 5) -> str:
        """Let time pass in the conversation; return it as text."""
        self.clock += timedelta(seconds=seconds)
        return self.clock.isoformat().replace("+00:00", "Z")

    def say(self, role: str, text: str, name: str = "", **more: Any) -> Json:
        """Store a message and send it out."""
        self.cursor += 1
        message = {
            "id": f"{self.id}-m{len(self.messages) + 1}",
            "seq": len(self.messages) + 1,
            "cursor": self.cursor,
            "role": role,
            "author": {"name": name, "avatar_url": None},
            "text": text,
            "attachments": [],
            "sent_at": self.tick(),
            "edited_at": None,
            "deleted": False,
            **more,
        }
        self.messages.append(message)
        self.tell("message", message)
        return message

    def change(self, message: Json, **fields: Any) -> None:
        """Edit or delete a message."""
        self.cursor += 1
        message.update(cursor=self.cursor, **fields)
        self.tell("message", message)

    def move(self, floor: str, **handoff: Any) -> None:
        """Give the floor to somebody, with these facts about the handoff."""
        self.floor = floor
        self.epoch += 1
        if handoff or floor in {"waiting", "teammate"}:
            blank = {"id": "h1", "state": "active", "reason": "requested", "teammate": None}
            before = self.handoff or {**blank, "waiting_since": None, "position": None}
            self.handoff = {**before, **handoff}
        self.tell("state", self.state())

    def join(self, name: str, avatar_url: str | None = None) -> None:
        """A teammate takes the floor."""
        teammate = {"name": name, "avatar_url": avatar_url}
        self.move("teammate", teammate=teammate, position=None, waiting_since=None)
        self.say("system", f"{name} has joined and can see the whole conversation.")


class CustomerApi:
    """The stand-in: conversations, faults, and a switch."""

    def __init__(self) -> None:
        self.talks: dict[str, Talk] = {}
        self.tickets: dict[str, Talk] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, Json]] = []
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.config: Json = {}
        self.streaming = True
        self.port = 0
        self.begun = 0
        self.runner: web.AppRunner | None = None
        self.changed = asyncio.Event()

    @property
    def url(self) -> str:
        """Where the stand-in is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def site(self) -> str:
        """Where the pages are served: for a browser another origin than `url`."""
        return f"http://localhost:{self.port}"

    @property
    def talk(self) -> Talk:
        """The conversation begun last."""
        return list(self.talks.values())[-1]

    def fail(self, path: str, status: int = 503, **how: Any) -> None:
        """Let the next request for this path fail."""
        self.faults.append(Fault(path, status, **how))

    def posted(self, path: str) -> list[Json]:
        """Return the bodies of all requests made to this path, refused ones included."""
        return [body for asked, body in self.requests if asked == path]

    def new_talk(self, token: str | None = None) -> Talk:
        """Begin a conversation."""
        self.begun += 1
        number = self.begun
        talk = Talk(f"c{number}", token or f"token-{number}")
        self.talks[talk.token] = talk
        return talk

    async def until(self, claim: Callable[[], Any], patience: float = 20) -> Any:
        """Wait until `claim()` holds after some request; return what it returned."""
        async with asyncio.timeout(patience):
            while not (answer := claim()):
                self.changed.clear()
                await self.changed.wait()
        return answer

    # ── the switch ───────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        app = web.Application(middlewares=[self.around], client_max_size=64 * 2**20)
        app.router.add_routes(self.routes())
        self.runner = web.AppRunner(
            app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True
        )
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone: every connection ends."""
        for talk in self.talks.values():
            talk.tell("end", {})
        if self.runner:
            await self.runner.cleanup()

    def routes(self) -> list[web.RouteDef]:
        """Return every route of the customer API, the widget, and the pages of tests."""
        return [
            web.get("/healthz", self.health),
            web.get("/favicon.ico", self.health),
            web.get("/widget.js", self.widget),
            web.get("/pages/{name}", self.page),
            web.get("/avatars/{name}", self.avatar),
            web.post("/v1/sessions", self.open_session),
            web.get("/v1/conversation", self.show),
            web.get("/v1/messages", self.history),
            web.post("/v1/messages", self.take),
            web.post("/v1/escalate", self.escalate),
            web.post("/v1/return", self.give_back),
            web.post("/v1/typing", self.typing),
            web.post("/v1/read", self.read),
            web.post("/v1/rating", self.rate),
            web.post("/v1/files", self.store_file),
            web.get("/v1/files/{id}", self.send_file),
            web.post("/v1/stream-tickets", self.ticket),
            web.get("/v1/stream", self.stream),
        ]

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer preflights, note what was asked, let faults happen."""
        origin = cors(request)
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=origin)
        await self.note(request)
        fault = next((one for one in self.faults if one.path == request.path), None)
        if fault:
            self.faults.remove(fault)
        response = await (self.broken(request, fault, handler) if fault else handler(request))
        if not response.prepared:
            response.headers.update(origin)
        return response

    async def note(self, request: web.Request) -> None:
        """Remember a request, its JSON body included."""
        body = {}
        if request.content_type == "application/json" and request.can_read_body:
            body = await request.json()
        self.requests.append((request.path, body))
        self.changed.set()

    async def broken(
        self, request: web.Request, fault: Fault, handler: Handler
    ) -> web.StreamResponse:
        """Refuse, or do what was asked and lose the answer."""
        if fault.lost:
            await handler(request)
            if request.transport:
                request.transport.abort()
        wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return problem(fault.status, "as the test asked", wait)

    def known(self, request: web.Request) -> Talk:
        """Return the conversation of a token, or answer 401."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.talks:
            raise web.HTTPUnauthorized(headers=cors(request))
        return self.talks[token]

    # ── the routes ───────────────────────────────────────────────────────────────────────────

    async def health(self, _request: web.Request) -> web.Response:
        """Be alive."""
        return web.json_response({"status": "ok"})

    async def widget(self, _request: web.Request) -> web.Response:
        """Serve the built widget."""
        return web.Response(body=WIDGET.read_bytes(), content_type="text/javascript")

    async def page(self, request: web.Request) -> web.Response:
        """Serve a page a test has written."""
        html, headers = self.pages[request.match_info["name"]]
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def avatar(self, _request: web.Request) -> web.Response:
        """Serve a picture of a person."""
        return web.Response(body=PICTURE, content_type="image/png")

    async def open_session(self, request: web.Request) -> web.Response:
        """Begin or resume a conversation."""
        about = await request.json()
        token = about.get("token")
        identity = about.get("identity")
        if identity == "expired":
            return problem(401, "the identity has expired")
        talk = self.talks.get(f"token-{identity}" if identity else token)
        resumed = talk is not None
        talk = talk or self.new_talk(f"token-{identity}" if identity else None)
        talk.about = about
        body = {"token": talk.token, "conversation_id": talk.id, "resumed": resumed}
        return web.json_response({**body, "config": self.config}, status=201)

    async def show(self, request: web.Request) -> web.Response:
        """Show the state."""
        return web.json_response(self.known(request).state())

    async def history(self, request: web.Request) -> web.Response:
        """Show what was created or changed after a cursor, a page at a time."""
        talk = self.known(request)
        after, limit = int(request.query["after"]), int(request.query["limit"])
        later = [message for message in talk.messages if message["cursor"] > after]
        page = sorted(later, key=lambda message: int(message["cursor"]))[:limit]
        cursor = page[-1]["cursor"] if page else max(after, talk.cursor)
        body = {"messages": page, "cursor": cursor, "more": len(later) > limit}
        return web.json_response(body)

    async def take(self, request: web.Request) -> web.Response:
        """Take a message once per client_id."""
        talk = self.known(request)
        body = await request.json()
        before = talk.taken.get(body["client_id"])
        if before and before["body"] != body:
            return problem(409, "the same client_id with another body")
        if not before:
            files = [talk.files[id][0] for id in body.get("attachments", [])]
            message = talk.say("customer", body["text"], "", attachments=files)
            answer = {"id": message["id"], "seq": message["seq"]}
            before = talk.taken[body["client_id"]] = {"body": body, "answer": answer}
            return web.json_response(answer, status=202)
        return web.json_response(before["answer"])

    async def escalate(self, request: web.Request) -> web.Response:
        """Let the customer wait for a person."""
        talk = self.known(request)
        if talk.floor not in {"waiting", "teammate"}:
            talk.move("waiting", position=2, waiting_since=talk.tick(), teammate=None)
        return web.json_response({"handoff": talk.handoff}, status=202)

    async def give_back(self, request: web.Request) -> web.Response:
        """Give the floor back to the assistant."""
        talk = self.known(request)
        talk.handoff = None
        talk.move("assistant")
        return web.json_response({}, status=202)

    async def typing(self, request: web.Request) -> web.Response:
        """Take a hint."""
        self.known(request).typings += 1
        return web.Response(status=204)

    async def read(self, request: web.Request) -> web.Response:
        """Take a receipt."""
        self.known(request).reads.append((await request.json())["seq"])
        return web.Response(status=204)

    async def rate(self, request: web.Request) -> web.Response:
        """Take a rating."""
        self.known(request).ratings.append(await request.json())
        return web.Response(status=204)

    async def store_file(self, request: web.Request) -> web.Response:
        """Store the one part of a form."""
        talk = self.known(request)
        part = (await request.post())["file"]
        assert isinstance(part, web.FileField)
        body = part.file.read()
        id = f"f{len(talk.files) + 1}"
        about: Json = {"id": id, "name": part.filename, "media_type": part.content_type}
        about["size"] = len(body)
        talk.files[id] = ({**about, "url": f"/v1/files/{id}"}, body)
        return web.json_response(about, status=201)

    async def send_file(self, request: web.Request) -> web.Response:
        """Send a file of this conversation."""
        about, body = self.known(request).files[request.match_info["id"]]
        return web.Response(body=body, content_type=about["media_type"])

    async def ticket(self, request: web.Request) -> web.Response:
        """Give a ticket for one stream."""
        ticket = f"ticket-{len(self.tickets) + 1}"
        self.tickets[ticket] = self.known(request)
        return web.json_response({"ticket": ticket}, status=201)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send events: what was missed, the state, then what happens."""
        if not self.streaming:
            return problem(404, "no streams here")
        talk = self.tickets.pop(request.query["ticket"])
        after = int(request.query["after"])
        response = web.StreamResponse(headers={**cors(request), "X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        await response.write(b": hello\n\n")
        missed = [one for one in talk.messages if one["cursor"] > after]
        events: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        for message in sorted(missed, key=lambda one: int(one["cursor"])):
            events.put_nowait(("message", message))
        events.put_nowait(("state", talk.state()))
        talk.streams.append(events)
        self.changed.set()
        try:
            await pump(events, response)
        finally:
            talk.streams.remove(events)
            self.changed.set()
        return response


async def pump(events: "asyncio.Queue[tuple[str, Json]]", out: web.StreamResponse) -> None:
    """Write events as they come, until one says that it is over."""
    while True:
        event, data = await events.get()
        if event == "end":
            return
        id = f"id: {data['cursor']}\n" if event == "message" else ""
        text = f"{id}event: {event}\ndata: {json.dumps(data)}\n\n"
        await out.write(text.encode())


def cors(request: web.Request) -> dict[str, str]:
    """Return what lets the asking page read the answer."""
    return {"Access-Control-Allow-Origin": request.headers.get("Origin", "*"), **CORS}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error as RFC 9457 wants it."""
    body = {"title": "refused", "status": status, "detail": detail}
    kind = "application/problem+json"
    return web.json_response(body, status=status, content_type=kind, headers=headers)


@asynccontextmanager
async def customer_api() -> AsyncIterator[CustomerApi]:
    """Run a stand-in for as long as it is needed."""
    api = CustomerApi()
    await api.start()
    try:
        yield api
    finally:
        await api.stop()
