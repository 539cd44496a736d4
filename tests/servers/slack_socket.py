"""Socket Mode of the fake workspace: one-time addresses, envelopes, and ways to fall silent.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from tests.servers.slack_people import Outcome
from tests.servers.slack_state import Json

if TYPE_CHECKING:
    from tests.servers.slack import FakeSlack


PING_SECONDS = 0.1


class Sockets:
    """The connections. Each payload goes to one of them; no answer in time is tried again."""

    def __init__(self, slack: "FakeSlack") -> None:
        self._slack = slack
        self.connected: list[web.WebSocketResponse] = []
        self.refuse = 0
        self.ack_seconds = 3.0
        self.opened = 0
        self.used_again = 0
        self._moved = asyncio.Event()
        self._tickets: set[str] = set()
        self._hushed: set[web.WebSocketResponse] = set()
        self._turn = 0
        self._envelopes = 0
        self._acks: dict[str, asyncio.Future[Json]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return where sockets connect."""
        return [web.get("/link", self._connect)]

    def open(self, _: Json) -> Json:
        """Answer apps.connections.open: an address that works once."""
        self.opened += 1
        ticket = f"ticket-{self.opened}"
        self._tickets.add(ticket)
        url = self._slack.url.replace("http", "ws", 1)
        return {"ok": True, "url": f"{url}/link?ticket={ticket}"}

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or self.refuse:
            self.used_again += ticket not in self._tickets
            self.refuse = max(self.refuse - 1, 0)
            self._tickets.discard(ticket)
            return web.Response(status=404)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        info = {"host": "fake", "approximate_connection_time": 3600}
        await socket.send_json({"type": "hello", "num_connections": 1, "debug_info": info})
        self.connected.append(socket)
        self._move()
        pings = asyncio.create_task(self._ping(socket))
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(frame.data))
        finally:
            pings.cancel()
            self.connected.remove(socket)
            self._move()
        return socket

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        while socket not in self._hushed and not socket.closed:
            await socket.ping()
            await asyncio.sleep(PING_SECONDS)

    def hush(self) -> None:
        """Let the connections of now say nothing any more; they stay open."""
        self._hushed.update(self.connected)

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def moved(self) -> None:
        """Wait until a connection comes or goes."""
        await self._moved.wait()

    def _take(self, answer: Json) -> None:
        waiting = self._acks.get(str(answer.get("envelope_id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def deliver(self, kind: str, payload: Json) -> Outcome:
        """Deliver a payload until it is acknowledged, three times more at most."""
        outcome = Outcome()
        for attempt in range(4 if kind == "events_api" else 1):
            answer = await self._send(kind, payload, attempt)
            outcome.statuses.append(0 if answer is None else 200)
            if answer is not None:
                outcome.body = json.dumps(answer.get("payload", {}))
                break
        return outcome

    async def _send(self, kind: str, payload: Json, attempt: int) -> Json | None:
        self._envelopes += 1
        envelope = f"{self._envelopes:08d}-{time.time_ns()}"
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._acks[envelope] = answer
        message = {
            "type": kind,
            "envelope_id": envelope,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
            "retry_attempt": attempt,
        }
        try:
            if not self.connected:
                await asyncio.sleep(0.05)
                return None
            self._turn += 1
            speaking = [s for s in self.connected if s not in self._hushed] or self.connected
            await speaking[self._turn % len(speaking)].send_json(message)
            async with asyncio.timeout(self.ack_seconds):
                return await answer
        except (TimeoutError, ConnectionError):
            return None
        finally:
            del self._acks[envelope]

    async def announce(self, reason: str) -> None:
        """Tell every connection that it will be closed."""
        for socket in list(self.connected):
            await socket.send_json({"type": "disconnect", "reason": reason})

    async def close(self) -> None:
        """Close every connection."""
        for socket in list(self.connected):
            await socket.close()
