"""A stand-in for an OpenAI-compatible server, over real HTTP, that can go wrong in every way.

`async with FakeOpenAI() as server:`; `server.next(…)` lines up how it behaves, one per request, the
last one for good. `server.requests` keeps what was asked, headers too.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

Behaviour = Callable[["FakeOpenAI", web.Request], Awaitable[web.StreamResponse]]

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Asked:
    """One request: its JSON, its headers, its path."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    path: str


def chunk(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
    """Return one event of a stream."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    content = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def call(index: int, arguments: str, name: str = "transfer_to_human") -> bytes:
    """Return the event that begins a tool call."""
    function = {"name": name, "arguments": arguments}
    piece = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
    return chunk({"tool_calls": [piece]})


def more(index: int, arguments: str) -> bytes:
    """Return an event with more of a call's arguments."""
    return chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})


def streams(*pieces: bytes) -> Behaviour:
    """Stream these very bytes and end."""

    async def behave(server: "FakeOpenAI", request: web.Request) -> web.StreamResponse:
        response = await server.begin(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    return behave


def says(*words: str) -> Behaviour:
    """Stream words and finish as one should."""
    pieces = [chunk({"role": "assistant", "content": ""})]
    pieces += [chunk({"content": word}) for word in words]
    return streams(*pieces, chunk({}, "stop"), DONE)


def transfers(arguments: Mapping[str, str], *, words: str = "", times: int = 1) -> Behaviour:
    """Call the tool, its arguments in two halves; perhaps say something, perhaps call twice."""
    text = json.dumps(arguments)
    pieces = [chunk({"content": words})] if words else []
    for index in range(times):
        pieces += [call(index, text[:7]), more(index, text[7:])]
    return streams(*pieces, chunk({}, "tool_calls"), DONE)


def answers(
    status: int, content: Any = None, headers: Mapping[str, str] | None = None
) -> Behaviour:
    """Answer with a status and JSON, not streamed."""

    async def behave(server: "FakeOpenAI", request: web.Request) -> web.StreamResponse:
        return web.json_response(content or {}, status=status, headers=headers)

    return behave


def completes(message: Mapping[str, Any], finish: str = "stop") -> Behaviour:
    """Answer with a whole completion, as servers do that cannot stream."""
    return answers(200, {"choices": [{"index": 0, "message": message, "finish_reason": finish}]})


def stalls(*pieces: bytes) -> Behaviour:
    """Send these bytes (with none: not even headers), then nothing until the end of the test."""

    async def behave(server: "FakeOpenAI", request: web.Request) -> web.StreamResponse:
        if not pieces:
            await server.closing.wait()
            return web.Response()
        response = await server.begin(request)
        for piece in pieces:
            await response.write(piece)
        await server.closing.wait()
        return response

    return behave


def dies(*pieces: bytes) -> Behaviour:
    """Send these bytes, then break the connection."""

    async def behave(server: "FakeOpenAI", request: web.Request) -> web.StreamResponse:
        response = await server.begin(request)
        for piece in pieces:
            await response.write(piece)
        await asyncio.sleep(0.02)
        assert request.transport is not None
        request.transport.abort()
        return response

    return behave


def goes_on(piece: bytes, every: float = 0.0) -> Behaviour:
    """Send the same bytes again and again until nobody listens."""

    async def behave(server: "FakeOpenAI", request: web.Request) -> web.StreamResponse:
        response = await server.begin(request)
        with suppress(ConnectionError):
            while not server.closing.is_set():
                await response.write(piece)
                server.sent += len(piece)
                await asyncio.sleep(every)
        return response

    return behave


@dataclass
class FakeOpenAI:
    """The server."""

    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        """The base address to configure."""
        return f"http://127.0.0.1:{self.port}/v1"

    def next(self, *behaviours: Behaviour) -> None:
        """Line up what comes next, in place of what was lined up."""
        self.behaviours = list(behaviours)

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Begin a stream of events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        return response

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing.set()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(Asked(body, dict(request.headers), request.path))
        behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        return await behave(self, request)
