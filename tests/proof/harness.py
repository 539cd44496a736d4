"""Runs the real bridge as processes, kills them, and writes down what was acknowledged.

The fake Slack lives in this process and survives every kill. Customers write through the HTTP API
and teammates through signed events, each until acknowledged; the killer ends a bridge with
`kill -9` and starts it again.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from storage import open_reader
from tests.proof.history import Acknowledged, Seen, check
from tests.servers.slack import BOT_TOKEN, FakeSlack
from tests.servers.slack_state import ROOM

ROOT = Path(__file__).parents[2]
START_WITHIN = 30.0
PAUSE = 0.02

SETTLED_WITHIN = 150.0
"""Seconds after which what does not stand in its thread counts as lost: the leases of the killed
run for 30 s, the next owner looks for what is in doubt first, and the machine may be crowded.
"""


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Bridge:
    """One bridge process, started again and again on the same port and database."""

    environment: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    kills: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bridge",
                "serve",
                env={**os.environ, **self.environment, "HANDOFF_PORT": str(self.port)},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        async with aiohttp.ClientSession() as session, asyncio.timeout(START_WITHIN):
            while not await _answers(session, f"{self.url}/readyz"):
                if self.process.returncode is not None:
                    message = f"the bridge ended: {self.log.read_text()[-2000:]}"
                    raise RuntimeError(message)
                await asyncio.sleep(PAUSE)

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and wait until it is gone."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()
            self.kills += how is signal.SIGKILL


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@dataclass(slots=True)
class Talk:
    """One customer's talk, and what was acknowledged of it."""

    number: int
    token: str = ""
    conversation_id: str = ""
    thread: str = ""
    told: Acknowledged = field(default_factory=Acknowledged)


class Proof:
    """A fake platform, some bridges on one database, and people who write through all of it."""

    def __init__(
        self, database_url: str, folder: Path, *, instances: int = 1, seed: int = 7
    ) -> None:
        self.slack = FakeSlack()
        self.random = random.Random(seed)
        self._database_url = database_url
        self._folder = folder
        self._count = instances
        self.bridges: list[Bridge] = []
        self.talks: list[Talk] = []
        self.session: aiohttp.ClientSession = None  # type: ignore[assignment]
        self.more: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        """Return the settings of every bridge."""
        return {
            "HANDOFF_DATABASE_URL": self._database_url,
            "HANDOFF_SECRET_KEY": "a-secret-for-the-proof-only",
            "HANDOFF_DESKS": "slack",
            "HANDOFF_ASSISTANT": "faq",
            "HANDOFF_RATE_LIMITS": "off",
            "HANDOFF_SETTLE_SECONDS": "0.5",
            "HANDOFF_SLACK_ROOM": ROOM,
            "HANDOFF_SLACK_POSTS_PER_SECOND": "0",
            "HANDOFF_LOG_FORMAT": "json",
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": self.slack.people.secret,
            **self.more,
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Proof"]:
        """Start everything, and end every process in the end."""
        async with self.slack, aiohttp.ClientSession() as self.session:
            for number in range(self._count):
                log = self._folder / f"bridge{number}.log"
                self.bridges.append(Bridge(self.environment(), log))
            try:
                for bridge in self.bridges:
                    await bridge.start()
                yield self
            finally:
                for bridge in self.bridges:
                    await bridge.end()

    async def call(
        self, method: str, path: str, talk: Talk | None = None, **body: Any
    ) -> dict[str, Any]:
        """Make a call until some bridge answers it with a success."""
        headers = {"Authorization": f"Bearer {talk.token}"} if talk else {}
        given = None if method == "GET" else body
        while True:
            bridge = self.random.choice(self.bridges)
            try:
                async with self.session.request(
                    method,
                    bridge.url + path,
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=10),
                    json=given,
                ) as response:
                    if response.status < 300:
                        found: dict[str, Any] = await response.json()
                        return found
                    if response.status < 500:
                        message = f"{path}: {response.status} {await response.text()}"
                        raise AssertionError(message)
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(PAUSE)

    async def begin(self, count: int) -> None:
        """Open `count` talks and bring each to a person."""
        for number in range(count):
            talk = Talk(number)
            opened = await self.call("POST", "/v1/sessions", name=f"Customer {number}")
            talk.token, talk.conversation_id = opened["token"], opened["conversation_id"]
            await self.call("POST", "/v1/escalate", talk)
            await self.until(lambda n=number: len(self.roots()) > n)
            talk.thread = self.roots()[-1]
            self.talks.append(talk)

    def roots(self) -> list[str]:
        """Return the timestamps of all threads' roots, in order."""
        room = self.slack.state.rooms[ROOM]
        return [ts for ts in room.order if "thread_ts" not in room.messages[ts]]

    async def until(self, holds: Any, within: float = 60.0) -> bool:
        """Wait until something holds; returns whether it did in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not holds():  # noqa: ASYNC110 -- the platform has no event to await
                    await asyncio.sleep(PAUSE)
                return True
        return bool(holds())

    async def customer_writes(self, talk: Talk, times: int) -> None:
        """The customer writes numbered lines, each until acknowledged."""
        writer = f"c{talk.number}"
        begin = talk.told.customers.get(writer, -1) + 1
        for number in range(begin, begin + times):
            text = f"{writer}-{number}"
            await self.call("POST", "/v1/messages", talk, client_id=text, text=text)
            talk.told.customers[writer] = number
            await asyncio.sleep(self.random.random() * 0.01)

    async def teammate_writes(self, talk: Talk, times: int) -> None:
        """A teammate writes numbered replies, and a note between, each until acknowledged."""
        writer, notes = f"t{talk.number}", f"n{talk.number}"
        talk.told.notes.add(notes)
        begin = talk.told.teammates.get(writer, -1) + 1
        for number in range(begin, begin + times):
            await self._teammate_says(talk, f"{writer}-{number}")
            talk.told.teammates[writer] = number
            if number % 3 == 0:
                await self._teammate_says(talk, f"note: {notes}-{number}")
            await asyncio.sleep(self.random.random() * 0.01)

    async def _teammate_says(self, talk: Talk, text: str) -> None:
        people = self.slack.people
        message = people.write(talk.thread, text)
        while True:
            people.target = f"{self.random.choice(self.bridges).url}/slack/events"
            if (await people.deliver_message(ROOM, message)).ok:
                return
            await asyncio.sleep(PAUSE)

    async def kill(self, times: int, pause: tuple[float, float] = (0.05, 0.6)) -> None:
        """Kill and restart bridges at random moments."""
        for _ in range(times):
            await asyncio.sleep(self.random.uniform(*pause))
            bridge = self.random.choice(self.bridges)
            await bridge.end()
            await bridge.start()

    async def write_until(self, done: asyncio.Event) -> None:
        """Let everybody write for as long as the killing goes on."""

        async def customer(talk: Talk) -> None:
            while not done.is_set():
                await self.customer_writes(talk, 3)

        async def teammate(talk: Talk) -> None:
            while not done.is_set():
                await self.teammate_writes(talk, 3)

        async with asyncio.TaskGroup() as group:
            for talk in self.talks:
                group.create_task(customer(talk))
                group.create_task(teammate(talk))

    def thread_of(self, talk: Talk) -> list[str]:
        """Return the texts of our own posts in a talk's thread, in order."""
        room = self.slack.state.rooms[ROOM]
        posts = [room.messages[ts] for ts in room.threads[talk.thread] if ts in room.messages]
        return [str(post.get("text", "")) for post in posts if "bot_id" in post]

    async def seen(self) -> list[Seen]:
        """Return what both sides of every talk saw."""
        found = []
        for talk in self.talks:
            log: list[dict[str, Any]] = []
            cursor, more = 0, True
            while more:
                page = await self.call("GET", f"/v1/messages?after={cursor}&limit=200", talk)
                log += page["messages"]
                cursor, more = page["cursor"], page["more"]
            log.sort(key=lambda message: message["seq"])
            said = [(message["role"], message["text"]) for message in log]
            found.append(Seen(self.thread_of(talk), said, 1))
        return found

    async def settled(self, within: float = SETTLED_WITHIN) -> None:
        """Wait until everything acknowledged stands in its thread, or time is up."""

        def all_there() -> bool:
            return all(
                f"c{talk.number}-{talk.told.customers.get(f'c{talk.number}', 0)}"
                in "\n".join(self.thread_of(talk)).split("\n")
                for talk in self.talks
            )

        await self.until(all_there, within)
        await asyncio.sleep(1.0)

    async def problems(self) -> list[str]:
        """Return every broken promise."""
        await self.settled()
        found = check(await self.seen(), [talk.told for talk in self.talks])
        extra = len(self.roots()) - len(self.talks)
        found += [f"{extra} threads too many"] if extra else []
        return [*found, *await self._unsettled()] if found else []

    async def _unsettled(self) -> list[str]:
        """Say of each lane what it is waiting for: the beginning of every search for a cause."""
        async with open_reader(self._database_url) as reader:
            waiting = await reader.deliveries(None, None)
        heads = {delivery.lane: delivery for delivery in reversed(waiting)}
        return [
            f"(waits: {head.id} {head.progress}, {head.attempts} attempts, due {head.due_at:.1f}, "
            f"attempted {head.attempted_at}, {head.error!r})"
            for head in heads.values()
        ]

    def totals(self) -> dict[str, int]:
        """Return how much was acknowledged, and how often a bridge was killed."""
        return {
            "kills": sum(bridge.kills for bridge in self.bridges),
            "customer_lines": sum(_count(talk.told.customers) for talk in self.talks),
            "teammate_lines": sum(_count(talk.told.teammates) for talk in self.talks),
        }


def _count(told: dict[str, int]) -> int:
    return sum(last + 1 for last in told.values())


async def kill_loop(
    database_url: str,
    folder: Path,
    *,
    kills: int,
    talks: int = 6,
    instances: int = 1,
    seed: int = 7,
) -> tuple[list[str], dict[str, int]]:
    """Run the whole loop; returns the broken promises and the totals."""
    proof = Proof(database_url, folder, instances=instances, seed=seed)
    async with proof.running():
        await proof.begin(talks)
        done = asyncio.Event()

        async def killer() -> None:
            try:
                await proof.kill(kills)
            finally:
                done.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(killer())
            group.create_task(proof.write_until(done))
        return await proof.problems(), proof.totals()


def sample(problems: Sequence[str]) -> str:
    """Return the first problems, for a failing test's message."""
    return "\n".join(problems[:20])
