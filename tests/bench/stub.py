"""A stand-in for Slack that costs next to nothing: it answers, waits if told to, and remembers.

It lives in the measuring process, so that a post's arrival and its sending are told by one clock.
Only what the two bridges call is answered; the thorough fake is tests/servers/slack.py.
"""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.bench.wire import HOST, LENGTH
from tests.servers.slack_faults import RateLimit
from tests.servers.slack_state import APP_ID, BOT_ID, BOT_USER, ROOM, TEAM, person

JSON_TYPE = b"application/json"

AHEAD = 120
"""Seconds our clock runs ahead: on posts of its first minute, and older ones, a bridge also takes
away marks it may have forgotten, and what is to be measured is the day, not the first minute.
"""

SCOPES = (
    "chat:write,chat:write.customize,commands,app_mentions:read,channels:history,groups:history,"
    "channels:read,groups:read,users:read,files:read,files:write,reactions:write,pins:write"
)

_KNOWN: dict[str, dict[str, Any]] = {
    "auth.test": {
        "ok": True,
        "url": "https://acme.slack.com/",
        "team": "Acme",
        "team_id": TEAM,
        "user": "bridge",
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
    },
    "conversations.info": {
        "ok": True,
        "channel": {"id": ROOM, "name": "support", "is_member": True, "is_archived": False},
    },
    "users.info": {"ok": True, "user": person("U0ANN", "Ann")},
}

Arrived = Callable[[str], None]


class Stub:
    """The stand-in: `said` is what stands in each thread, `arrived` hears every numbered word."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.limit = RateLimit()
        self.calls: Counter[str] = Counter()
        self.posts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.roots: dict[str, str] = {}
        self.arrived: Arrived = lambda word: None
        self.told: asyncio.Event = asyncio.Event()
        self.open: set[_Call] = set()
        self._ts = int(time.time() + AHEAD) * 1_000_000
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Serve on a port of the loopback, a free one unless it is named."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Call(self), HOST, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop serving, and end what is connected."""
        if self._server is not None:
            self._server.close()
        for call in tuple(self.open):
            call.end()

    @property
    def api_url(self) -> str:
        """What to set as SLACK_API_URL."""
        return f"http://{HOST}:{self.port}/api/"

    def next_ts(self) -> str:
        """Return a fresh timestamp, as Slack numbers its messages."""
        self._ts += 100
        return f"{self._ts // 1_000_000}.{self._ts % 1_000_000:06d}"

    def answer(self, method: str, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and body of the answer to a call."""
        self.calls[method] += 1
        if method == "chat.postMessage":
            return self._post(fields)
        if method == "conversations.replies":
            found = self.posts.get(str(fields.get("ts")), [])
            return 200, {"ok": True, "messages": found, "has_more": False}
        return 200, _KNOWN.get(method, {"ok": True, "ts": fields.get("ts"), "messages": []})

    def _post(self, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.limit.refuses(ROOM) is not None:
            return 429, {"ok": False, "error": "ratelimited"}
        ts = self.next_ts()
        thread = str(fields.get("thread_ts") or ts)
        message = {**fields, "type": "message", "ts": ts, "thread_ts": thread}
        message |= {"bot_id": BOT_ID, "app_id": APP_ID, "user": BOT_USER}
        self.posts[thread].append(message)
        text = str(fields.get("text", ""))
        if thread == ts:
            self.roots[ts] = json.dumps(fields)
        else:
            for word in text.split():
                self.arrived(word)
        self.told.set()
        return 200, {"ok": True, "channel": ROOM, "ts": ts, "message": {"ts": ts, "text": text}}


class _Call(asyncio.Protocol):
    """One connection of a bridge to the stand-in."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]
        self._stub.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stub.open.discard(self)

    def end(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while True:
            head, parted, rest = self._buffer.partition(b"\r\n\r\n")
            found = LENGTH.search(head) if parted else None
            length = int(found[1]) if found else 0
            if not parted or len(rest) < length:
                return
            self._buffer = rest[length:]
            self._take(head, rest[:length])

    def _take(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        method, _, query = path.removeprefix("/api/").partition("?")
        status, answer = self._stub.answer(method, _fields(head, body, query))
        raw = json.dumps(answer).encode()
        extra = "Retry-After: 1\r\n" if status == 429 else ""
        lines = f"Content-Type: application/json\r\nx-oauth-scopes: {SCOPES}\r\n{extra}"
        start = f"HTTP/1.1 {status} X\r\nContent-Length: {len(raw)}\r\n{lines}\r\n"
        asyncio.get_running_loop().call_later(self._stub.latency, self._write, start.encode() + raw)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _fields(head: bytes, body: bytes, query: str) -> dict[str, Any]:
    if JSON_TYPE in head and body:
        found: dict[str, Any] = json.loads(body)
        return found
    return {name: values[0] for name, values in parse_qs(body.decode() or query).items()}
