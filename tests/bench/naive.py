"""The naive bridge: what an afternoon gives. slack-bolt, aiohttp, a dict; nothing is stored.

It acknowledges a customer's message once Slack has it, and hands a teammate's reply to whoever
listens at that moment. It speaks as much of the bridge's HTTP interface as the driver asks for.
"""

import argparse
import asyncio
import json
import os
from dataclasses import dataclass, field
from itertools import count

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack_state import ROOM


@dataclass(slots=True)
class Talk:
    """One customer: the thread, and those who listen."""

    name: str
    thread: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    listeners: set[web.StreamResponse] = field(default_factory=set)


class Naive:
    """The bridge."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._talks: dict[str, Talk] = {}
        self._threads: dict[str, Talk] = {}
        self._numbers = count(1)
        self._bolt = AsyncApp(
            client=client, signing_secret=os.environ["SLACK_SIGNING_SECRET"], token=client.token
        )
        self._bolt.event("message")(self._heard)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        app.router.add_get("/readyz", self._ready)
        app.router.add_post("/v1/sessions", self._session)
        app.router.add_post("/v1/escalate", self._escalate)
        app.router.add_post("/v1/messages", self._message)
        app.router.add_post("/v1/stream-tickets", self._ticket)
        app.router.add_get("/v1/stream", self._stream)
        app.router.add_post("/slack/events", self._event)
        return app

    async def _ready(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _session(self, request: web.Request) -> web.Response:
        fields, token = await request.json(), f"talk{next(self._numbers)}"
        self._talks[token] = Talk(fields.get("name", "Customer"))
        return web.json_response({"token": token, "conversation_id": token}, status=201)

    def _of(self, request: web.Request) -> Talk:
        return self._talks[request.headers["Authorization"].removeprefix("Bearer ")]

    async def _escalate(self, request: web.Request) -> web.Response:
        talk = self._of(request)
        answer = await self._client.chat_postMessage(channel=ROOM, text=f"{talk.name} asks for you")
        talk.thread = answer["ts"]
        self._threads[talk.thread] = talk
        return web.json_response({}, status=202)

    async def _message(self, request: web.Request) -> web.Response:
        talk, fields = self._of(request), await request.json()
        async with talk.lock:
            await self._client.chat_postMessage(
                channel=ROOM, thread_ts=talk.thread, text=fields["text"], username=talk.name
            )
        return web.json_response({"id": fields["client_id"]}, status=202)

    async def _ticket(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        return web.json_response({"ticket": token}, status=201)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        talk = self._talks[request.query["ticket"]]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b":\n\n")
        talk.listeners.add(response)
        try:
            await asyncio.Event().wait()
        finally:
            talk.listeners.discard(response)
        return response

    async def _event(self, request: web.Request) -> web.Response:
        answer = await self._bolt.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    async def _heard(self, event: dict[str, str]) -> None:
        talk = self._threads.get(event.get("thread_ts", ""))
        if talk is not None:
            said = json.dumps({"role": "teammate", "text": event["text"], "id": event["ts"]})
            for listener in list(talk.listeners):
                await listener.write(f"event: message\ndata: {said}\n\n".encode())


async def main(port: int) -> None:
    """Serve until the process is ended."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        client = AsyncWebClient(
            token=os.environ["SLACK_BOT_TOKEN"],
            base_url=os.environ["SLACK_API_URL"],
            session=session,
        )
        runner = web.AppRunner(Naive(client).app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    asyncio.run(main(parser.parse_args().port))
