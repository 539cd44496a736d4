"""The desks: how each is made from the settings and joined to the core."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

import aiohttp
from aiohttp import web

from adapters.pacing import RoomPacer
from adapters.sandbox.desk import SandboxDesk
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.rooms import Core as SandboxCore
from adapters.sandbox.rooms import SandboxRooms, SandboxSettings
from adapters.slack.desk import SlackDesk
from adapters.slack.office import Core as SlackCore
from adapters.slack.office import Given as SlackGiven
from adapters.slack.rooms import SlackRooms
from adapters.slack.settings import SlackSettings
from bridge.config import Settings, sqlite_path
from bridge.domain.errors import ConfigurationError
from bridge.domain.rules import Place
from bridge.ports.core import Clock
from bridge.ports.desk import Desk
from bridge.ports.files import Files
from bridge.relay.relay import Relay

Steering = dict[str, Callable[[str], Awaitable[str]]]

Work = tuple[Coroutine[object, object, None], str]


@dataclass(frozen=True, slots=True)
class Given:
    """What a desk is made from."""

    settings: Settings
    clock: Clock
    session: aiohttp.ClientSession
    files: Files
    relay: Relay
    steering: Steering = field(default_factory=dict)


async def _no_problems() -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Connected:
    """A desk that is there: its port and room, what it serves and runs, what to close at the end.

    `work` makes the background work, which is started once the relay has begun.
    """

    desk: Desk
    place: Place
    routes: list[web.RouteDef] = field(default_factory=list)
    work: Callable[[], list[Work]] = list
    closing: tuple[Callable[[], None], ...] = ()
    check: Callable[[], Coroutine[object, object, list[str]]] = _no_problems


@contextlib.asynccontextmanager
async def _sandbox(given: Given) -> AsyncIterator[Connected]:
    path, relay = sqlite_path(given.settings.database_url), given.relay
    ledger = Ledger(path.with_suffix(".sandbox.db") if path else ":memory:", given.clock)
    core = SandboxCore(relay.inbox, relay.board, relay.presence, given.files, given.clock)
    async with SandboxDesk(ledger, RoomPacer(given.clock)) as desk:
        rooms = SandboxRooms(ledger, core, SandboxSettings())
        yield Connected(
            desk,
            Place(desk.name, "support"),
            rooms.routes(),
            lambda: [(rooms.run(), "sandbox")],
            (rooms.close,),
        )


def slack_settings(settings: Settings) -> SlackSettings:
    """Return what the Slack desk is told."""
    return SlackSettings(
        bot_token=settings.slack_bot_token,
        room=settings.slack_room,
        signing_secret=settings.slack_signing_secret,
        app_token=settings.slack_app_token,
        api_url=settings.slack_api_url,
        file_hosts=frozenset(settings.slack_file_hosts),
        posts_per_second=settings.slack_posts_per_second,
        allowed_people=frozenset(settings.slack_allowed_people),
    )


@contextlib.asynccontextmanager
async def _slack(given: Given) -> AsyncIterator[Connected]:
    settings, relay = given.settings, given.relay
    told = SlackGiven(slack_settings(settings), given.session, given.files, given.clock)
    async with SlackDesk(told) as desk:
        desk.capabilities = replace(desk.capabilities, settle_seconds=settings.settle_seconds)
        alone = not relay.store.shared
        core = SlackCore(relay.inbox, relay.board, given.steering, relay.receipts, alone)
        rooms = SlackRooms(desk, core)
        yield Connected(
            desk,
            Place(desk.name, settings.slack_room),
            rooms.routes(),
            lambda: [(rooms.run(), "slack")],
            check=desk.check,
        )


Maker = Callable[[Given], AbstractAsyncContextManager[Connected]]

MAKERS: dict[str, Maker] = {"slack": _slack, "sandbox": _sandbox}


SLACK_NEEDS = ("slack_bot_token", "slack_signing_secret", "slack_app_token", "slack_room")
"""Who has set one of these wants Slack; what is missing beside it is asked for by name."""


def wanted(settings: Settings) -> tuple[str, ...]:
    """Return the desks to connect: those named, or Slack if any of its settings is there.

    Raises `ConfigurationError` when there is none.
    """
    if settings.desks:
        return settings.desks
    if any(getattr(settings, name) for name in SLACK_NEEDS):
        return ("slack",)
    message = (
        "HANDOFF_DESKS: no desk is set up; set SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET and "
        "HANDOFF_SLACK_ROOM, or HANDOFF_DESKS=sandbox to try without an account"
    )
    raise ConfigurationError([message])


def check_desks(settings: Settings) -> None:
    """Raise `ConfigurationError` with everything that is missing to connect the wanted desks."""
    if "slack" in wanted(settings) and (problems := slack_settings(settings).problems()):
        raise ConfigurationError(problems)


def connect(given: Given) -> list[AbstractAsyncContextManager[Connected]]:
    """Return the wanted desks, each to be entered."""
    return [MAKERS[name](given) for name in wanted(given.settings)]
