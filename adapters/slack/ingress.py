"""`POST /slack/events`: verify the raw bytes, understand, store, and only then answer.

Whatever is missing, forged or stale gets 401 before it is read, what is signed and cannot be read
400, and what could not be stored 503, so that Slack sends it again. Repeats are harmless.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from adapters.slack.errands import NotYet
from adapters.slack.events import Relay
from adapters.slack.haste import answering
from adapters.slack.interactions import Interactions
from adapters.slack.office import Office
from adapters.slack.payloads import (
    Command,
    Event,
    Interaction,
    Malformed,
    Nothing,
    Payload,
    read,
    team_of,
)
from adapters.slack.people import Unknown
from adapters.slack.signing import is_signed
from bridge.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

PATH = "/slack/events"

LARGEST_BODY = 1024 * 1024
"""Slack's own payloads stay far below; a text of 40,000 characters is some 200 kB of JSON."""

EVENTS = "application/json"
"""The media type of events."""

NEVER = frozenset({400, 403})
"""Answers that would be the same for every repeat; a wrong secret or clock may be mended."""

Answer = tuple[int, object]
"""An HTTP status, and the body: nothing, text, or JSON."""

Handle = Callable[[Mapping[str, Any]], Awaitable[Answer]]


class Ingress:
    """Takes what Slack sends, over HTTP or a socket."""

    def __init__(self, office: Office, relay: Relay, interactions: Interactions) -> None:
        self._office = office
        self._relay = relay
        self._interactions = interactions
        self._clock = office.clock
        self._secret = office.settings.signing_secret
        self._app_id = office.settings.app_id

    def routes(self) -> list[web.RouteDef]:
        """Return the route Slack posts to."""
        return [web.post(PATH, self.serve)]

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request of Slack's."""
        body = await _body(request)
        if body is None:
            return _answer((413, "the body is too large"))
        if not self._is_slacks(request, body):
            log.warning("slack.signature_refused", extra={"action": "ingress"})
            return _answer((401, "the signature is missing, wrong or too old"))
        try:
            payload = read(_media_type(request), body)
        except Malformed as error:
            return _answer((400, str(error)))
        return _answer(await self.take(payload))

    def _is_slacks(self, request: web.Request, body: bytes) -> bool:
        headers = request.headers
        timestamp = headers.get("X-Slack-Request-Timestamp", "")
        signature = headers.get("X-Slack-Signature", "")
        return bool(self._secret) and is_signed(
            self._secret, timestamp, signature, body, self._clock.wall()
        )

    async def take(self, payload: Payload) -> Answer:
        """Take a payload; returns the answer once everything in it is stored."""
        try:
            with answering():
                return await self._take(payload)
        except (StoreUnavailable, Unknown, NotYet) as error:
            _not_taken(error)
            return 503, "not taken; send it again"

    async def _take(self, payload: Payload) -> Answer:
        match payload:
            case Event(body):
                return await self._event(body)
            case Interaction(body):
                return await self._ours(body, self._interactions.interact)
            case Command(fields):
                return await self._ours(fields, self._interactions.command)
            case Nothing():
                return 200, None

    async def _event(self, body: Mapping[str, Any]) -> Answer:
        kind = body.get("type")
        if kind == "url_verification":
            return 200, str(body.get("challenge", ""))
        if kind == "app_rate_limited":
            log.error("slack.events_rate_limited", extra={"action": "ingress"})
            self._office.hearing.limited()
        event = body.get("event")
        if kind != "event_callback" or not isinstance(event, dict):
            return 200, None
        refusal = await self._refusal(body)
        if refusal is not None:
            return refusal
        self._office.hearing.heard()
        await self._relay.take(event)
        return 200, None

    async def _ours(self, body: Mapping[str, Any], handle: Handle) -> Answer:
        """Handle what is for our app and workspace; refuse the rest."""
        try:
            refusal = await self._refusal(body)
        except Unknown as error:
            _not_taken(error)
            return await self._interactions.put_off(body)
        return refusal or await handle(body)

    async def _refusal(self, body: Mapping[str, Any]) -> Answer | None:
        """Return the refusal of what is for another app or workspace, else None."""
        identity = await self._office.people.identity()
        app = body.get("api_app_id")
        is_other_app = bool(self._app_id) and app != self._app_id
        if is_other_app or team_of(body) not in {"", identity.team}:
            log.warning("slack.foreign_payload", extra={"action": "ingress"})
            return 403, "this is for another app or workspace"
        return None


def _not_taken(error: Exception) -> None:
    log.warning("slack.not_taken", extra={"action": "ingress", "why": type(error).__name__})


def _media_type(request: web.Request) -> str:
    """Return the media type without parameters; the usual one is known by its looks."""
    given = request.headers.get(hdrs.CONTENT_TYPE)
    return given if given == EVENTS else request.content_type


async def _body(request: web.Request) -> bytes | None:
    """Return the raw body, or None when it is too large; what is too large is not read."""
    if (request.content_length or 0) > LARGEST_BODY:
        return None
    if request.content.is_eof():
        # Most bodies came along with their heads.
        return request.content.read_nowait()
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _answer(answer: Answer) -> web.Response:
    status, body = answer
    headers = {"X-Slack-No-Retry": "1"} if status in NEVER else None
    if body is None:
        return web.Response(status=status, headers=headers)
    if isinstance(body, str):
        return web.Response(status=status, text=body, content_type="text/plain", headers=headers)
    return web.json_response(body, status=status, headers=headers)
