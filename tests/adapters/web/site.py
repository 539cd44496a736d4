"""A running customer's side for tests, and a customer that speaks to it over HTTP."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

import aiohttp

from adapters.http import Component, HttpServer, HttpSettings, build_http_app
from adapters.http import Site as Served
from adapters.metrics import Metrics
from adapters.patience import ConnectionLimits
from adapters.web.channel import WebChannel
from adapters.web.given import Core, WebSettings
from adapters.web.openapi import describe
from bridge.domain.ids import ConversationId
from bridge.ports.files import Files
from tests.adapters.web.contract import Contract
from tests.adapters.web.fakes import MemoryCore, MemoryFiles, MemoryPresence, ShiftedClock

ORIGIN = "https://shop.example"
API_KEY = "key-of-a-bot"
IDENTITY_SECRET = "secret-of-the-site-0123456789abcdef"

SETTINGS = WebSettings(
    secret_key=b"secret-of-the-bridge",
    public_url="https://chat.example",
    allowed_origins=(ORIGIN,),
    identity_secret=IDENTITY_SECRET,
    api_keys=("another-key", API_KEY),
    rate_limits=False,
    max_file_bytes=200_000,
    desks=("sandbox",),
)


def identity(
    claims: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    secret: str = IDENTITY_SECRET,
) -> str:
    """Return a signed identity with these claims."""
    parts = [header or {"alg": "HS256", "typ": "JWT"}, claims]
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{base64url(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def base64url(raw: bytes) -> str:
    """Return bytes in the alphabet for addresses, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Event:
    """One server-sent event."""

    name: str = "message"
    data: Any = None
    id: str = ""


@dataclass
class Stream:
    """An open stream."""

    response: aiohttp.ClientResponse
    beats: int = 0
    retries: list[int] = field(default_factory=list)

    async def next(self, name: str = "") -> Event:
        """Return the next event, or the next of this name."""
        async with asyncio.timeout(10):
            event = await self._event()
            while name and event.name != name:
                event = await self._event()
        return event

    async def _event(self) -> Event:
        event = Event()
        while True:
            line = await self._line()
            if not line and event.data is not None:
                return event
            name, _, value = line.partition(": ")
            if name == "event":
                event.name = value
            elif name == "id":
                event.id = value
            elif name == "data":
                event.data = json.loads(value)

    async def _line(self) -> str:
        line = (await self.response.content.readline()).decode()
        if not line:
            raise EOFError
        self.beats += line.startswith(":")
        if line.startswith("retry: "):
            self.retries.append(int(line[7:]))
        return line.rstrip("\n")

    async def beat(self) -> None:
        """Wait for a sign of life."""
        async with asyncio.timeout(10):
            while not self.beats:
                await self._line()

    async def texts(self, number: int) -> list[str]:
        """Return the texts of the next messages."""
        return [(await self.next("message")).data["text"] for _ in range(number)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.response.close()


@dataclass
class Customer:
    """Somebody with a session."""

    site: "Site"
    session: dict[str, Any]
    sent: int = 0

    @property
    def id(self) -> ConversationId:
        """The conversation's id."""
        return ConversationId(self.session["conversation_id"])

    @property
    def headers(self) -> dict[str, str]:
        """What shows who asks."""
        return {"Authorization": f"Bearer {self.session['token']}"}

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Make a call; returns the status and the body."""
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.site.ask(method, path, headers=headers, **options)

    async def say(self, text: str, client_id: str | None = None) -> tuple[int, Any]:
        """Send a message."""
        self.sent += 1
        body = {"client_id": client_id or f"m{self.sent}", "text": text}
        return await self.ask("POST", "/v1/messages", json=body)

    async def upload(self, name: str, content: bytes) -> tuple[int, Any]:
        """Upload a file."""
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name)
        return await self.ask("POST", "/v1/files", data=form)

    async def listen(self, after: int | None = None, **headers: str) -> Stream:
        """Open a stream."""
        _, ticket = await self.ask("POST", "/v1/stream-tickets")
        query = {"ticket": ticket["ticket"], **({} if after is None else {"after": str(after)})}
        response = await self.site.http.get(
            self.site.url + "/v1/stream", params=query, headers=headers
        )
        assert response.status == 200, await response.text()
        return Stream(response)


@dataclass
class Site:
    """A running server and what is behind it."""

    url: str
    http: aiohttp.ClientSession
    server: HttpServer
    channel: WebChannel
    core: MemoryCore
    files: MemoryFiles
    clock: ShiftedClock
    components: dict[str, Component]
    metrics: Metrics
    contract: Contract

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Make a call; returns the status and the body, parsed where it is JSON."""
        async with self.http.request(method, self.url + path, **options) as answer:
            raw = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            value = json.loads(raw) if is_json and raw else raw
            self.contract.check(method, path, answer, value)
            return answer.status, value

    async def open(self, **about: Any) -> Customer:
        """Open a session."""
        status, session = await self.ask("POST", "/v1/sessions", json=about)
        assert status == 201, session
        return Customer(self, session)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something can be seen to have happened."""
        async with asyncio.timeout(10):
            while not happened():
                await self.channel.tick()
                await asyncio.sleep(0.01)

    async def bot(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Make a call of the bot API."""
        headers = {"Authorization": f"Bearer {API_KEY}", **options.pop("headers", {})}
        return await self.ask(method, f"/v1/bot/conversations{path}", headers=headers, **options)


@asynccontextmanager
async def serve(
    limits: ConnectionLimits | None = None,
    http: HttpSettings | None = None,
    joined: tuple[Core, Files] | None = None,
    **changes: Any,
) -> AsyncIterator[Site]:
    """Run a server; `changes` are made to the usual settings. A test ticks the channel by hand.

    `joined` is another core, with its files, than the one in memory.
    """
    clock, presence = ShiftedClock(), MemoryPresence()
    core, files, metrics = MemoryCore(presence), MemoryFiles(), Metrics()
    given, kept = joined or (Core(core, core, presence, clock, core), files)
    channel = WebChannel(replace(SETTINGS, **changes), given, kept)
    settings = http or HttpSettings(port=0, grace=0.5)
    settings = replace(settings, port=0, limits=limits or settings.limits)
    components = {"store": Component("ok", ready=True)}
    closing = (channel.close,)
    served = Served(lambda: components, describe, metrics, clock, closing, channel.readable)
    app = build_http_app(channel.routes(), settings, served)
    async with (
        HttpServer(app, settings, clock) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        running = asyncio.create_task(server.run())
        url = f"http://127.0.0.1:{server.port}"
        contract = Contract(channel.routes())
        yield Site(url, session, server, channel, core, files, clock, components, metrics, contract)
        running.cancel()
