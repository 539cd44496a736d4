"""The customer's side as one thing: made from its settings and the core, gives its routes.

`run` must be running: it tells what was displayed and keeps the streams' heartbeats.
"""

import asyncio
from collections.abc import Mapping
from itertools import cycle

from aiohttp import web

from adapters.addresses import Addresses
from adapters.web.api import CustomerApi
from adapters.web.assets import Assets, load
from adapters.web.bot import BotApi
from adapters.web.bot_calls import BOT_CALLS, BOT_PATH
from adapters.web.customer_calls import CUSTOMER_CALLS
from adapters.web.files import FileApi
from adapters.web.gate import ApiKeys, Gate, Handler
from adapters.web.given import Core, WebSettings
from adapters.web.limits import Limits
from adapters.web.origins import Origins, origin_of
from adapters.web.sessions import Sessions
from adapters.web.sightings import MOMENTS, Sightings
from adapters.web.stream import Streams
from adapters.web.visitors import Visitors
from bridge.ports.files import Files


class WebChannel:
    """The customer API, the bot API, the streams and the widget's files."""

    def __init__(self, settings: WebSettings, core: Core, files: Files) -> None:
        visitors = Visitors(settings.secret_key, core.clock)
        limits = Limits(core.clock, on=settings.rate_limits)
        self._clock = core.clock
        self._sightings = Sightings(core)
        self.streams = Streams(core, self._sightings, settings.max_streams)
        self._origins = Origins(map(origin_of, (settings.public_url, *settings.allowed_origins)))
        self._gate = Gate(
            self._origins,
            visitors,
            ApiKeys(settings.api_keys),
            limits,
            Addresses(settings.trusted_proxies),
        )
        self._handlers: dict[str, Handler] = {
            **Sessions(core, settings, visitors, limits).handlers(),
            **CustomerApi(core, files, visitors, limits).handlers(),
            **FileApi(files, core.board, limits, settings.max_file_bytes).handlers(),
            **self.streams.handlers(),
            **BotApi(core, files, settings.desks).handlers(),
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of both APIs and of the widget's files."""
        calls = (*CUSTOMER_CALLS, *BOT_CALLS)
        return [
            *(self._gate.route(call, self._handlers[call.name]) for call in calls),
            *self._gate.preflights(CUSTOMER_CALLS),
            *Assets(load()).routes(),
        ]

    def readable(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the headers that let a page read what was refused before any call was found."""
        return {} if request.path.startswith(BOT_PATH) else self._origins.known(request)

    async def run(self) -> None:
        """Keep the streams alive and tell what was displayed, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat(), name="web heartbeats")
            group.create_task(self._tell(), name="web sightings")

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            self.streams.tick()

    async def _tell(self) -> None:
        """Apart from the heartbeats: a store that is slow must not silence the streams."""
        for moment in cycle(range(MOMENTS)):
            await self._clock.sleep(1.0 / MOMENTS)
            await self._sightings.tell(moment)

    async def tick(self) -> None:
        """Let one second pass, when nothing runs."""
        self.streams.tick()
        for moment in range(MOMENTS):
            await self._sightings.tell(moment)

    def close(self) -> None:
        """End the streams, so that the server can stop."""
        self.streams.close()
