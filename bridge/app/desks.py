"""The desks: how each is made from the settings, and how it is joined to the core.

A desk exists before the core, which sends to it; its way in exists after the core, which it reports
to. `Connected` is the first half, `attach` gives the second.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from adapters.pacing import RoomPacer
from adapters.sandbox.desk import SandboxDesk
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.rooms import Core as SandboxCore
from adapters.sandbox.rooms import SandboxRooms, SandboxSettings
from bridge.config import Settings, sqlite_path
from bridge.domain.errors import ConfigurationError
from bridge.domain.rules import Place
from bridge.ports.core import Clock
from bridge.ports.desk import Desk
from bridge.ports.files import Files
from bridge.relay.relay import Relay

Work = tuple[Coroutine[object, object, None], str]


@dataclass(frozen=True, slots=True)
class Given:
    """What a desk is made from."""

    settings: Settings
    clock: Clock
    session: aiohttp.ClientSession
    files: Files


@dataclass(slots=True)
class Attached:
    """A desk's way in: routes to mount, work to run, and what to close when the server stops."""

    routes: list[web.RouteDef] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    closing: list[Callable[[], None]] = field(default_factory=list)


async def _no_problems() -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Connected:
    """A desk that is there: the port, its room, how to attach and how to examine it."""

    name: str
    desk: Desk
    place: Place
    attach: Callable[[Relay], Attached]
    check: Callable[[], Coroutine[object, object, list[str]]] = _no_problems


@contextlib.asynccontextmanager
async def _sandbox(given: Given) -> AsyncIterator[Connected]:
    path = sqlite_path(given.settings.database_url)
    ledger = Ledger(path.with_suffix(".sandbox.db") if path else ":memory:", given.clock)
    settings = SandboxSettings()

    def attach(relay: Relay) -> Attached:
        core = SandboxCore(relay.inbox, relay.board, relay.presence, given.files, given.clock)
        rooms = SandboxRooms(ledger, core, settings)
        return Attached(rooms.routes(), [(rooms.run(), "sandbox")], [rooms.close])

    async with SandboxDesk(ledger, RoomPacer(given.clock)) as desk:
        yield Connected(desk.name, desk, Place(desk.name, "support"), attach)


Maker = Callable[[Given], AbstractAsyncContextManager[Connected]]

MAKERS: dict[str, Maker] = {"sandbox": _sandbox}


def wanted(settings: Settings) -> tuple[str, ...]:
    """Return the desks to connect: those named, or those whose credentials are there."""
    if settings.desks:
        return settings.desks
    return ("slack",) if settings.slack_bot_token else ()


def connect(given: Given) -> list[AbstractAsyncContextManager[Connected]]:
    """Return the wanted desks, each to be entered; raises `ConfigurationError` for none."""
    names = wanted(given.settings)
    if not names:
        message = (
            "HANDOFF_DESKS: no desk is set up; set SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET and "
            "HANDOFF_SLACK_ROOM, or HANDOFF_DESKS=sandbox to try without an account"
        )
        raise ConfigurationError([message])
    return [MAKERS[name](given) for name in names]
