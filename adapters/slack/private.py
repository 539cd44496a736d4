"""Answers that one person sees: why something was not done, and what was asked for.

They are a courtesy: when one cannot be shown, that is logged and nothing else happens.
"""

import logging
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.errands import Errands
from adapters.slack.errors import BROKEN_OFF
from adapters.slack.settings import SLACK_API, SlackSettings
from adapters.slack.web import SlackWeb
from bridge.domain.errors import DeliveryError

log = logging.getLogger(__name__)

SECONDS = 5.0


class Private:
    """Says things to one person in a room."""

    def __init__(
        self,
        settings: SlackSettings,
        web: SlackWeb,
        session: aiohttp.ClientSession,
        errands: Errands,
    ) -> None:
        self._hosts = settings.response_hosts
        self._plain_http = settings.api_url != SLACK_API
        self._web = web
        self._session = session
        self._errands = errands

    async def say(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> None:
        """Show Slack markup to one person in a room or thread."""
        body: dict[str, object] = {"channel": channel, "user": user, "text": text}
        if thread_ts is not None:
            body["thread_ts"] = thread_ts
        await self._errands.soon(self._ephemeral(body))

    async def answer(self, url: str, text: str) -> bool:
        """Answer where something was clicked; returns False when the address is not Slack's."""
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and self._plain_http)
        if not secure or parts.netloc not in self._hosts:
            return False
        await self._errands.soon(self._respond(url, text))
        return True

    async def _ephemeral(self, body: dict[str, object]) -> None:
        try:
            await self._web.call("chat.postEphemeral", body)
        except DeliveryError as error:
            _failed(str(error))

    async def _respond(self, url: str, text: str) -> None:
        body = {"response_type": "ephemeral", "replace_original": False, "text": text}
        try:
            async with self._session.post(
                url,
                json=body,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                allow_redirects=False,
            ) as response:
                if response.status >= 300:  # noqa: PLR2004 - not a success
                    _failed(f"HTTP {response.status}")
        except BROKEN_OFF as error:
            _failed(type(error).__name__)


def _failed(why: str) -> None:
    log.warning("slack.private_answer_failed", extra={"action": "private_answer", "why": why})
