"""A stand-in for an outside assistant or a receiver of webhooks, over real HTTP.

`async with FakeReceiver() as receiver:`; `receiver.next(…)` lines up the answers. It checks each
signature by the words of the Standard Webhooks specification, with code of its own.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

Behaviour = Callable[["FakeReceiver", web.Request], Awaitable[web.StreamResponse]]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Received:
    """One webhook as it came."""

    content: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> dict[str, Any]:
        """Its JSON."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of its signatures was made with this secret."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = ".".join((self.headers["webhook-id"], self.headers["webhook-timestamp"], ""))
        digest = hmac.new(key, signed.encode() + self.content, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        return expected in self.headers["webhook-signature"].split()


def replies(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer with JSON."""

    async def behave(receiver: "FakeReceiver", request: web.Request) -> web.StreamResponse:
        return web.json_response(content, status=status, headers=headers)

    return behave


def sends(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer with these very bytes."""

    async def behave(receiver: "FakeReceiver", request: web.Request) -> web.StreamResponse:
        return web.Response(body=content, status=status, headers=headers)

    return behave


async def hangs(receiver: "FakeReceiver", request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await receiver.closing.wait()
    return web.Response()


async def dies(receiver: "FakeReceiver", request: web.Request) -> web.StreamResponse:
    """Break the connection before any answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def dies_within(receiver: "FakeReceiver", request: web.Request) -> web.StreamResponse:
    """Promise more bytes than are sent, and break the connection."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"text": "half of')
    await asyncio.sleep(0.02)
    assert request.transport is not None
    request.transport.abort()
    return response


async def drips(receiver: "FakeReceiver", request: web.Request) -> web.StreamResponse:
    """Send a byte now and then for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        while not receiver.closing.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.01)
    return response


@dataclass
class FakeReceiver:
    """The server."""

    behaviours: list[Behaviour] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """The address to configure."""
        return f"http://127.0.0.1:{self.port}/bot"

    def next(self, *behaviours: Behaviour) -> None:
        """Line up what comes next; the last one stays."""
        self.behaviours = list(behaviours)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/bot", self._take)
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
        self.received.append(Received(await request.read(), dict(request.headers)))
        behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        return await behave(self, request)
