"""Who we are in Slack, learnt once: team, bot, and the scopes of the token."""

import asyncio
from dataclasses import dataclass

from adapters.slack.web import SlackWeb


@dataclass(frozen=True, slots=True)
class Identity:
    """What auth.test tells. `url` is the workspace's address, ending in a slash."""

    team: str
    bot_id: str
    bot_user: str
    url: str
    scopes: frozenset[str]


class Workspace:
    """Knows the identity behind the token; asked of Slack at most once at a time, then kept."""

    def __init__(self, web: SlackWeb) -> None:
        self._web = web
        self._asking = asyncio.Lock()
        self._identity: Identity | None = None

    @property
    def known(self) -> Identity | None:
        """Who we are, if Slack has told."""
        return self._identity

    async def identity(self) -> Identity:
        """Return who we are; raises a `DeliveryError` while Slack cannot be asked."""
        if self._identity is None:
            async with self._asking:
                if self._identity is None:
                    self._identity = await self.ask()
        return self._identity

    async def ask(self) -> Identity:
        """Ask Slack now; raises a `DeliveryError`."""
        answer, scopes = await self._web.ask_with_scopes("auth.test")
        return Identity(
            team=str(answer.get("team_id", "")),
            bot_id=str(answer.get("bot_id", "")),
            bot_user=str(answer.get("user_id", "")),
            url=str(answer.get("url", "https://slack.com/")),
            scopes=scopes,
        )

    def link(self, channel: str, ts: str) -> str:
        """Return the address of a message for people."""
        base = self._identity.url if self._identity else "https://slack.com/"
        return f"{base}archives/{channel}/p{ts.replace('.', '')}"
