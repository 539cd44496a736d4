"""Asks a chat completions server: one request, one finished reply, or one clear failure.

The key goes into a header and nowhere else: no error text holds what the server said.
"""

import asyncio
import json
from collections.abc import Callable

import aiohttp
from yarl import URL

from adapters.assistants.answers import BrokenReply
from adapters.assistants.chat_reply import Events, Heard, hear, hear_whole
from adapters.assistants.chat_request import Dialect, Request, adapted, body_for
from adapters.assistants.settings import OPENAI, AssistantSettings
from adapters.outbound import (
    Patient,
    TooMuch,
    checked_url,
    is_inner_name,
    read_at_most,
    retry_after,
    unreachable,
)
from bridge.domain.errors import ConfigurationError, DeliveryError, Refused, TryAgain, check_all
from bridge.ports.core import Clock

WHO = "the assistant's server"

Listener = Callable[[Heard], None]

REFUSALS = {
    401: "refused the key (401): check OPENAI_API_KEY",
    403: "refused the key (403): check OPENAI_API_KEY and what it may use",
    404: "does not know the address or the model (404): check HANDOFF_ASSISTANT_MODEL, and that "
    "OPENAI_BASE_URL is right (most end in /v1)",
    413: "found the request too large (413)",
}

COMPLAINTS = frozenset({400, 422})
PASSING = frozenset({408, 409, 425, 429})
ADAPTATIONS = 4
DRAIN = 0.2


def chat_url(settings: AssistantSettings) -> URL:
    """Return where completions are asked for; raises `ConfigurationError`."""
    url = checked_url("OPENAI_BASE_URL", settings.base_url or OPENAI)
    if url.scheme == "http" and settings.api_key and not is_inner_name(url.host or ""):
        raise ConfigurationError(
            ["OPENAI_BASE_URL: it must begin with https://; the key would travel in clear text"]
        )
    path = url.path.rstrip("/").removesuffix("/chat/completions")
    return url.with_path(path + "/chat/completions").with_query(url.query)


def _check_key(key: str) -> None:
    """Refuse a key that no header can carry (RFC 9110, 5.5)."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(["OPENAI_API_KEY: it holds signs that no key has; copy it again"])


class ChatServer:
    """One OpenAI-compatible server."""

    def __init__(
        self, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        check_all(lambda: chat_url(settings), lambda: _check_key(settings.api_key))
        self._url = chat_url(settings)
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if settings.api_key:
            self._headers["Authorization"] = f"Bearer {settings.api_key}"
        self._bounds = settings.bounds
        self._session = session
        self._clock = clock
        self._dialect = Dialect()

    async def ask(self, request: Request, patience: Patient, listen: Listener) -> Heard:
        """Return the finished reply, calling `listen` as it grows.

        Raises `TryAgain` when nothing had begun and later may help, `Refused` when the request is
        not taken, `BrokenReply` when a reply began and did not end well.
        """
        for _ in range(ADAPTATIONS):
            heard = await self._attempt(request, patience, listen)
            if heard is not None:
                return heard
        raise Refused(f"{WHO} refused every form of the request")

    async def _attempt(self, request: Request, patience: Patient, listen: Listener) -> Heard | None:
        """Make one call; None: it was refused for a reason that the dialect now avoids."""
        heard = Heard()
        try:
            async with self._session.post(
                self._url,
                data=body_for(request, self._dialect),
                headers=self._headers,
                timeout=patience.timeout(),
                allow_redirects=False,
            ) as response:
                if response.status in COMPLAINTS and await self._adapts(response):
                    return None
                if response.status != 200:  # noqa: PLR2004 -- the only status that brings a reply
                    raise await self._failure(response)
                return await self._read(response, heard, listen)
        except TooMuch as error:
            raise BrokenReply(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if heard.has_begun:
                raise BrokenReply(f"{WHO} stopped within its reply") from None
            raise unreachable(WHO, error) from None

    async def _adapts(self, response: aiohttp.ClientResponse) -> bool:
        """Whether the dialect could be changed so that the same request may pass."""
        complaint = (await read_at_most(response, self._bounds.line)).decode("utf-8", "replace")
        dialect = adapted(self._dialect, complaint)
        self._dialect = dialect or self._dialect
        return dialect is not None

    async def _failure(self, response: aiohttp.ClientResponse) -> DeliveryError:
        """Return what a status other than 200 means."""
        status = response.status
        if status in REFUSALS:
            return Refused(f"{WHO} {REFUSALS[status]}")
        if status in PASSING or status >= 500:  # noqa: PLR2004 -- the server's own failures
            if status == 429 and await self._has_no_quota(response):  # noqa: PLR2004
                return Refused(f"{WHO} has no quota left for this key (429)")
            wait = retry_after(response.headers.get("Retry-After"), self._clock.wall())
            return TryAgain(f"{WHO} answered {status}", wait)
        return Refused(f"{WHO} refused the request ({status}): check OPENAI_BASE_URL")

    async def _has_no_quota(self, response: aiohttp.ClientResponse) -> bool:
        """Whether a 429 says that waiting will not help."""
        return b"insufficient_quota" in await read_at_most(response, self._bounds.line)

    async def _read(
        self, response: aiohttp.ClientResponse, heard: Heard, listen: Listener
    ) -> Heard:
        """Read the reply, streamed or whole, to its end."""
        if response.content_type == "application/json":
            content = await read_at_most(response, self._bounds.body)
            return hear_whole(content.decode("utf-8", "replace"), self._bounds.answer)
        await self._stream(response, heard, listen)
        if not heard.is_complete:
            raise BrokenReply(f"{WHO} stopped within its reply")
        return heard

    async def _stream(
        self, response: aiohttp.ClientResponse, heard: Heard, listen: Listener
    ) -> None:
        """Read events until the reply is complete."""
        events = Events(self._bounds.line)
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > self._bounds.body:
                raise TooMuch(f"the reply is longer than {self._bounds.body} bytes")
            for data in events.feed(piece):
                hear(heard, data, self._bounds.answer)
            if heard.is_complete:
                await _drain(response)
                return
            listen(heard)


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read the few bytes after a finished reply, so that the connection can be used again."""
    try:
        async with asyncio.timeout(DRAIN):
            await response.content.read(1_000)
            await response.content.read(1)
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()


def formed(heard: Heard) -> object:
    """Return the JSON value of a reply that was asked for in a shape; raises `BrokenReply`."""
    text = next((call.arguments for call in heard.calls.values()), "") or heard.text
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        raise BrokenReply("the reply is not the JSON that was asked for") from None
