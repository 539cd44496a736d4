"""What the settings alone decide, made before anything is opened; what is wrong is told together.

The start and the doctor look through the same list. Nothing is written here and nobody is asked.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from adapters.assistants.choose import make_assistant
from adapters.outbound import open_session
from bridge.app import parts
from bridge.app.desks import check_desks
from bridge.app.policy import PolicyFile
from bridge.clock import SystemClock
from bridge.config import Settings, key_problems
from bridge.domain.errors import ConfigurationError, problems_in
from bridge.ports.core import Clock
from bridge.ports.desk import Desk
from bridge.relay.relay import Outside


@dataclass(frozen=True, slots=True)
class Prepared:
    """The policy in force, and the ports to the outside."""

    policy: PolicyFile
    outside: Outside


def prepare(
    settings: Settings,
    session: aiohttp.ClientSession,
    clock: Clock,
    desks: Mapping[str, Desk],
) -> Prepared:
    """Return what needs no database; raises `ConfigurationError` with every problem found."""
    try:
        check_desks(settings)
        outside = Outside(
            desks,
            make_assistant(settings.assistant, parts.assistant(settings), session, clock),
            parts.webhooks(settings, session, clock),
            parts.judge(settings, session, clock),
            parts.summarizer(settings, session, clock),
        )
        return Prepared(PolicyFile(settings), outside)
    except ConfigurationError as first:
        # Only now is the rest looked at: a start that goes well reads the answers of a FAQ once.
        raise ConfigurationError(problems_of(settings, session) or first.problems) from first


def problems_at_rest(settings: Settings) -> list[str]:
    """Return what `problems_of` does, for a caller who has no session and asks nobody."""

    async def look() -> list[str]:
        async with open_session() as session:
            return problems_of(settings, session)

    return asyncio.run(look())


def problems_of(settings: Settings, session: aiohttp.ClientSession) -> list[str]:
    """Return one sentence for each setting that cannot be used, beginning with its name."""
    clock = SystemClock()
    checks: tuple[Callable[[], object], ...] = (
        lambda: check_desks(settings),
        lambda: make_assistant(settings.assistant, parts.assistant(settings), session, clock),
        lambda: PolicyFile(settings),
        lambda: parts.webhooks(settings, session, clock),
        lambda: parts.judge(settings, session, clock),
    )
    return list(dict.fromkeys([*key_problems(settings), *problems_in(*checks)]))
