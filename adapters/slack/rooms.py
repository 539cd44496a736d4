"""The way in from Slack: events, buttons and commands, over HTTP or sockets, and catching up.

Mount its routes, and run its background work with `run`.
"""

import asyncio
import logging

from aiohttp import web

from adapters.slack.catchup import CatchUp
from adapters.slack.desk import SlackDesk
from adapters.slack.events import Relay
from adapters.slack.ingress import Ingress
from adapters.slack.interactions import Interactions
from adapters.slack.office import Core
from adapters.slack.socket import Socket

log = logging.getLogger(__name__)

CONNECTIONS = 2
"""A socket is closed before the next one opens: with two there is no gap."""


class SlackRooms:
    """What happens in the rooms of a desk, told to the core."""

    def __init__(self, desk: SlackDesk, core: Core) -> None:
        self._desk = desk
        self._office = desk.office
        self._receipts = core.receipts
        self._alone = core.alone
        desk.meet(core.board)
        relay = Relay(self._office, core)
        self._ingress = Ingress(self._office, relay, Interactions(self._office, core))
        self._catch_up = CatchUp(desk, core.board, relay)
        count = CONNECTIONS if self._office.settings.app_token else 0
        self.sockets = [Socket(self._office, self._ingress, i, self.catch_up) for i in range(count)]

    def routes(self) -> list[web.RouteDef]:
        """Return the routes Slack calls; none when it is reached over sockets."""
        return [] if self._office.settings.app_token else self._ingress.routes()

    async def run(self) -> None:
        """Do the background work until cancelled: errands, sockets, and catching up."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._office.errands.run(), name="slack errands")
            if not self.sockets:
                group.create_task(self._catch_up_at_start(), name="slack catch-up")
            if self._receipts is not None:
                work = self._office.echoes.run(self._receipts, self._desk, alone=self._alone)
                group.create_task(work, name="slack echoes")
            hearing = self._office.hearing.run(self.catch_up, alone=self._alone)
            group.create_task(hearing, name="slack hearing")
            for number, socket in enumerate(self.sockets):
                group.create_task(socket.run(), name=f"slack socket {number}")

    async def _catch_up_at_start(self) -> None:
        try:
            await self.catch_up()
        except Exception:
            log.exception("slack.catch_up_failed", extra={"action": "catch_up"})

    async def catch_up(self) -> int:
        """Read the threads of open handoffs again; returns how many were read."""
        return await self._catch_up.run()
