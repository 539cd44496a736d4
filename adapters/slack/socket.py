"""Socket Mode: one connection of ours, watched by what arrives on it.

A connection that says it is open and delivers nothing is closed: Slack pings every few seconds.
Every attempt asks for a fresh address, because one works only once. A payload is acknowledged
after it is stored, never before. https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import aiohttp

from adapters.slack.office import Office
from adapters.slack.payloads import Command, Event, Interaction, Payload
from adapters.slack.settings import SlackSettings
from adapters.slack.web import SlackWeb
from bridge.domain.errors import DeliveryError

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
Answer = tuple[int, object]

SILENCE_SECONDS = 25.0
"""Longer than a few of Slack's pings, and short enough to be connected again within 30 seconds."""

AT_ONCE = 64
"""How many payloads of one connection may be under way; more wait in the socket."""

PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
LINK_DISABLED_SECONDS = 300.0
CONNECT_SECONDS = 15.0
PLANNED = frozenset({"warning", "refresh_requested"})
"""Ends that Slack announces: the other connection goes on meanwhile, nothing is missed."""

LARGEST_FRAME = 4 * 1024 * 1024


class Taker(Protocol):
    """Takes payloads; what is answered 2xx was stored."""

    async def take(self, payload: Payload) -> Answer:
        """Take one payload."""
        ...


class Socket:
    """Keeps one connection open."""

    def __init__(
        self,
        office: Office,
        taker: Taker,
        number: int,
        catch_up: Callable[[], Awaitable[object]],
    ) -> None:
        self._web = SlackWeb(_as_app(office.settings), office.web.wire, office.clock)
        self._session = office.given.session
        self._clock = office.clock
        self._errands = office.errands
        self._taker = taker
        self._number = number
        self._catch_up = catch_up
        self._missed = number == 0
        self.silence = SILENCE_SECONDS

    async def run(self) -> None:
        """Keep a connection open until cancelled."""
        await self._clock.sleep(float(self._number))
        failures = 0
        while True:
            try:
                reason = await self._connection()
                failures = 0
            except (DeliveryError, aiohttp.ClientError, OSError, TimeoutError) as error:
                reason = type(error).__name__
                failures += 1
            self._missed = self._missed or reason not in PLANNED
            log.info("slack.socket_ended", extra={"action": "socket", "why": reason})
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            await self._clock.sleep(LINK_DISABLED_SECONDS if reason == "link_disabled" else pause)

    async def _connection(self) -> str:
        """Open a connection and serve it to its end; returns why it ended."""
        answer = await self._web.ask("apps.connections.open")
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await self._session.ws_connect(
                str(answer.get("url", "")), autoping=False, max_msg_size=LARGEST_FRAME
            )
        try:
            async with asyncio.TaskGroup() as group:
                return await self._listen(socket, group)
        finally:
            await socket.close()

    async def _listen(
        self, socket: aiohttp.ClientWebSocketResponse, group: asyncio.TaskGroup
    ) -> str:
        """Serve what arrives until the end; a connection that says nothing is at its end."""
        gate = asyncio.Semaphore(AT_ONCE)
        while True:
            try:
                frame = await socket.receive(timeout=self.silence)
                if frame.type is aiohttp.WSMsgType.PING:
                    await socket.pong(frame.data)
            except TimeoutError:
                return "silent"
            except (ConnectionError, aiohttp.ClientError):
                return "lost"
            if frame.type is aiohttp.WSMsgType.TEXT:
                message = _read(frame.data)
                if message.get("type") == "disconnect":
                    return str(message.get("reason") or "disconnect")
                await self._text(socket, group, gate, message)
            elif frame.type not in {aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG}:
                return "closed"

    async def _text(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        group: asyncio.TaskGroup,
        gate: asyncio.Semaphore,
        message: Json,
    ) -> None:
        if message.get("type") == "hello" and self._missed:
            self._missed = False
            await self._errands.soon(self._caught_up())
        payload = _payload(message.get("type"), message.get("payload"))
        if payload is not None:
            await gate.acquire()
            group.create_task(self._serve(socket, gate, message, payload))

    async def _caught_up(self) -> None:
        await self._catch_up()

    async def _serve(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        gate: asyncio.Semaphore,
        message: Json,
        payload: Payload,
    ) -> None:
        try:
            status, body = await self._taker.take(payload)
            if status < 300:  # noqa: PLR2004 - taken; anything else is sent again
                await _acknowledge(socket, message, body)
        except Exception:
            log.exception("slack.payload_failed", extra={"action": "socket"})
        finally:
            gate.release()


async def _acknowledge(
    socket: aiohttp.ClientWebSocketResponse, message: Json, body: object
) -> None:
    answer: dict[str, object] = {"envelope_id": message.get("envelope_id")}
    if body is not None and message.get("accepts_response_payload"):
        answer["payload"] = _read(body) if isinstance(body, str) else body
    try:
        await socket.send_str(json.dumps(answer))
    except (ConnectionError, aiohttp.ClientError):
        log.info("slack.acknowledgement_lost", extra={"action": "socket"})


def _as_app(settings: SlackSettings) -> SlackSettings:
    """Return the settings with the app token in the bot token's place."""
    return SlackSettings(bot_token=settings.app_token, room=settings.room, api_url=settings.api_url)


def _read(text: str) -> Json:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _payload(kind: object, payload: object) -> Payload | None:
    if not isinstance(payload, dict):
        return None
    if kind == "events_api":
        return Event(payload)
    if kind == "interactive":
        return Interaction(payload)
    return Command(payload) if kind == "slash_commands" else None
