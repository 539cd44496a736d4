"""`handoff doctor`: everything that can be wrong before a customer notices, with its mend."""

import contextlib
from dataclasses import replace

import aiohttp

from adapters.assistants.none import NoAssistant
from adapters.outbound import open_session
from bridge.app import parts
from bridge.app.desks import Given, connect
from bridge.app.policy import PolicyFile
from bridge.app.prepared import problems_of
from bridge.clock import SystemClock
from bridge.config import Settings, sqlite_path
from bridge.domain.errors import BridgeError, ConfigurationError
from bridge.relay.relay import Outside, Relay
from storage import is_to_be_made, open_reader, open_store
from storage.blobs import DiskFiles

MEMORY = "sqlite:///:memory:"


async def examine(settings: Settings) -> list[str]:
    """Return one sentence for each problem, beginning with the setting it is about."""
    problems: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        problems += problems_of(settings, session)
        await _database(settings, problems)
        await _desks(settings, session, stack, problems)
        await _public(settings, session, problems)
    return list(dict.fromkeys(problems))


async def _desks(
    settings: Settings,
    session: aiohttp.ClientSession,
    stack: contextlib.AsyncExitStack,
    problems: list[str],
) -> None:
    """Ask every desk; the relay it is given never begins, so nothing is sent, kept or made."""
    clock, nowhere = SystemClock(), replace(settings, database_url=MEMORY)
    try:
        rules = parts.rules(settings, [], PolicyFile(settings))
        relay = Relay(open_store(MEMORY), rules, Outside({}, NoAssistant()), clock)
        given = Given(nowhere, clock, session, DiskFiles(settings.data_dir / "files"), relay)
        for context in connect(given):
            connected = await stack.enter_async_context(context)
            problems += await connected.check()
    except ConfigurationError as error:
        problems += error.problems
    except BridgeError as error:
        problems.append(f"HANDOFF_DESKS: the desk cannot be asked: {error}")


async def _database(settings: Settings, problems: list[str]) -> None:
    path = sqlite_path(settings.database_url)
    folder_too = path is not None and not settings.secret_key and not path.parent.exists()
    if folder_too or is_to_be_made(settings.database_url):
        return
    try:
        async with open_reader(settings.database_url) as reader:
            await reader.dead(1)
    except ConfigurationError as error:
        problems += error.problems
    except BridgeError as error:
        problems.append(f"HANDOFF_DATABASE_URL: {error}")


async def _public(settings: Settings, session: aiohttp.ClientSession, problems: list[str]) -> None:
    """Ask our own public address, and compare the clocks by the way."""
    if not settings.public_url:
        return
    url = settings.public_url.rstrip("/") + "/healthz"
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
            if response.status != 200:  # noqa: PLR2004 -- the one good status
                problems.append(f"HANDOFF_PUBLIC_URL: {url} answers {response.status}")
    except (aiohttp.ClientError, TimeoutError, OSError):
        problems.append(
            f"HANDOFF_PUBLIC_URL: {url} cannot be reached; start the bridge and check the proxy"
        )
