"""The Slack desk as the program sees it: the calls of the port, the way in, and a check.

Enter it to learn who we are; mount its routes, or give it an app token to listen on sockets; run
its background work with `run`.
"""

import asyncio
import logging
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from adapters.slack.catchup import CatchUp
from adapters.slack.check import check
from adapters.slack.errors import TOKEN, SlackRefused
from adapters.slack.events import Relay
from adapters.slack.ingress import Ingress
from adapters.slack.interactions import Interactions
from adapters.slack.office import Core, Office
from adapters.slack.refs import DESK
from adapters.slack.settings import SlackSettings
from adapters.slack.socket import Socket
from adapters.slack.threads import Threads
from bridge.domain.errors import ConfigurationError, DeliveryError

log = logging.getLogger(__name__)

CONNECTIONS = 2
"""A socket is closed before the next one opens: with two there is no gap."""


class SlackDesk(Threads):
    """One workspace's desk. The session is given and stays the giver's."""

    name = DESK

    def __init__(self, settings: SlackSettings, session: aiohttp.ClientSession, core: Core) -> None:
        problems = settings.problems()
        if problems:
            raise ConfigurationError(problems)
        office = Office.furnish(settings, session, core)
        super().__init__(office)
        self._office = office
        relay = Relay(office)
        self._ingress = Ingress(office, relay, Interactions(office))
        self._catch_up = CatchUp(office, self, relay)
        count = CONNECTIONS if settings.app_token else 0
        self._sockets = [Socket(office, self._ingress, i, self.catch_up) for i in range(count)]

    async def __aenter__(self) -> Self:
        """Learn who we are. A token Slack refuses is a `ConfigurationError`; Slack being away is
        not: it is asked again when that is needed.
        """
        try:
            await self._office.workspace.identity()
        except SlackRefused as error:
            if error.code in TOKEN:
                raise ConfigurationError([f"SLACK_BOT_TOKEN: {error.why}"]) from error
            log.warning("slack.not_known_yet", extra={"action": "start", "why": error.why})
        except DeliveryError as error:
            log.warning("slack.not_known_yet", extra={"action": "start", "why": str(error)})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held: the session is the giver's, and background work ends with `run`."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes Slack calls; none when it is reached over sockets."""
        return [] if self._office.settings.app_token else self._ingress.routes()

    async def run(self) -> None:
        """Do the background work until cancelled: errands, sockets, and catching up."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._office.errands.run(), name="slack errands")
            if not self._sockets:
                group.create_task(self._catch_up_at_start(), name="slack catch-up")
            for number, socket in enumerate(self._sockets):
                group.create_task(socket.run(), name=f"slack socket {number}")

    async def _catch_up_at_start(self) -> None:
        try:
            await self.catch_up()
        except Exception:
            log.exception("slack.catch_up_failed", extra={"action": "catch_up"})

    async def catch_up(self) -> int:
        """Read the threads of open handoffs again; returns how many were read."""
        return await self._catch_up.run()

    async def check(self) -> list[str]:
        """Return what is wrong with token, scopes and rooms, one sentence each with its mend."""
        return await check(self._office)
