"""Drives one bridge: opens conversations, writes numbered texts both ways, checks every one.

A text is `<letter><conversation>-<number>`: c from the customer, t from the teammate. Whatever
is measured, each text must arrive once and in order; anything else counts against the run.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.bench.process import Process
from tests.bench.stub import Stub
from tests.bench.wire import Connection, Listener, address_of
from tests.servers.slack import SIGNING_SECRET
from tests.servers.slack_people import sign
from tests.servers.slack_state import APP_ID, BOT_USER, ROOM, TEAM

PATIENCE = 60.0


@dataclass(slots=True)
class Talk:
    """One conversation, and the connections its two sides write over."""

    number: int
    token: str
    thread: str
    customer: Connection
    teammate: Connection
    listener: Listener | None = None
    sent: Counter[str] = field(default_factory=Counter)

    def hang_up(self) -> None:
        """Close what both sides write over, and keep the stream."""
        self.customer.close()
        self.teammate.close()


@dataclass(slots=True)
class Measure:
    """What one run gave; latencies in seconds, CPU in seconds of the bridge's process."""

    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    latency: list[float] = field(default_factory=list)
    ack: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.count / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a message."""
        return self.cpu / self.count * 1e6 if self.count else 0.0


def percentile(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds, 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


class Driver:
    """Everybody outside of one bridge."""

    def __init__(self, stub: Stub, process: Process) -> None:
        self.stub = stub
        self.process = process
        self.talks: list[Talk] = []
        self.faults: Counter[str] = Counter()
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._last: Counter[str] = Counter()
        stub.arrived = self.hear

    def hear(self, word: str) -> None:
        """Take a numbered text that arrived, and judge it."""
        writer, dash, number = word.rpartition("-")
        if not dash or writer[:1] not in {"c", "t"} or not number.isdigit():
            return
        expected = self._last[writer] + 1
        if int(number) != expected:
            self.faults["doubled" if int(number) < expected else "disordered"] += 1
        self._last[writer] = max(self._last[writer], int(number))
        waiting = self._waiting.pop(word, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())

    async def begin(self, count: int) -> None:
        """Open conversations and bring each to a person."""
        for number in range(len(self.talks), len(self.talks) + count):
            await self.escalate(await self.visit(number))

    async def visit(self, number: int) -> Talk:
        """Open a conversation that nobody wrote in, and its stream."""
        port, source = self.process.port, address_of(number)
        customer = Connection(port, source)
        session = await customer.call("/v1/sessions", name=f"Customer {number}")
        talk = Talk(number, session["token"], "", customer, Connection(port, source))
        talk.listener = await self.listen(talk)
        self.talks.append(talk)
        return talk

    async def escalate(self, talk: Talk) -> None:
        """Bring a conversation to a person and wait for its thread."""
        known = len(self.stub.roots)
        await talk.customer.call("/v1/escalate", talk.token)
        async with asyncio.timeout(PATIENCE):
            while len(self.stub.roots) == known:
                self.stub.told.clear()
                await self.stub.told.wait()
        talk.thread = list(self.stub.roots)[-1]

    async def listen(self, talk: Talk) -> Listener:
        """Open the stream of a conversation; the customer's own words in it are not judged."""
        ticket = (await talk.customer.call("/v1/stream-tickets", talk.token))["ticket"]

        def hear(word: str) -> None:
            if word[0] == "t":
                self.hear(word)

        path = f"/v1/stream?ticket={ticket}&after=0"
        source = address_of(talk.number)
        return await Listener.open(self.process.port, path, hear, source)

    def close(self) -> None:
        """Close every connection."""
        for talk in self.talks:
            for held in (talk.customer, talk.teammate, talk.listener):
                if held is not None:
                    held.close()

    # ── one message ─────────────────────────────────────────────────────────────────────────────

    async def customer_writes(self, talk: Talk, measure: Measure) -> None:
        """Write one message as the customer and wait until it is acknowledged and in Slack."""
        word = self._next(talk, "c")
        body = json.dumps({"client_id": word, "text": word}).encode()
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {talk.token}"}
        await self._measured(
            word, lambda: talk.customer.request("POST", "/v1/messages", body, head), measure
        )

    async def teammate_writes(self, talk: Talk, measure: Measure) -> None:
        """Write one reply as the teammate and wait until it is taken and in the stream."""
        word = self._next(talk, "t")
        body = self._event(talk, word)
        stamp = str(int(time.time()))
        head = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(SIGNING_SECRET, stamp, body),
        }
        await self._measured(
            word, lambda: talk.teammate.request("POST", "/slack/events", body, head), measure
        )

    def _next(self, talk: Talk, letter: str) -> str:
        talk.sent[letter] += 1
        return f"{letter}{talk.number}-{talk.sent[letter]}"

    def _event(self, talk: Talk, word: str) -> bytes:
        ts = self.stub.next_ts()
        event = {
            "type": "message",
            "user": "U0ANN",
            "text": word,
            "ts": ts,
            "team": TEAM,
            "client_msg_id": f"00000000-0000-4000-8000-{int(ts.replace('.', '')) % 10**12:012d}",
            "thread_ts": talk.thread,
            "parent_user_id": BOT_USER,
            "channel": ROOM,
            "channel_type": "channel",
            "event_ts": ts,
        }
        envelope = {
            "token": "legacy",
            "team_id": TEAM,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{ts}",
            "event_time": int(float(ts)),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }
        return json.dumps(envelope).encode()

    async def _measured(
        self, word: str, send: Callable[[], Awaitable[tuple[int, bytes]]], measure: Measure
    ) -> None:
        arrival: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[word] = arrival
        begin = time.perf_counter()
        status, body = await send()
        measure.ack.append(time.perf_counter() - begin)
        if status >= 300:
            raise RuntimeError(f"{word}: {status} {body[:300]!r}")
        measure.latency.append(await arrival - begin)

    # ── many messages ───────────────────────────────────────────────────────────────────────────

    async def closed_loop(self, letter: str, seconds: float) -> Measure:
        """Let every conversation write the next text as soon as the last one has arrived."""
        write = self.customer_writes if letter == "c" else self.teammate_writes
        async with self._measuring() as measure:
            end = time.perf_counter() + seconds

            async def go(talk: Talk) -> None:
                while time.perf_counter() < end:
                    await write(talk, measure)

            await asyncio.gather(*(go(talk) for talk in self.talks))
        return measure

    async def open_loop(self, rate: float, seconds: float) -> tuple[Measure, Measure]:
        """Write `rate` texts a second each way, in turn over all conversations."""
        inward, outward = Measure(), Measure()
        async with self._measuring() as whole, asyncio.TaskGroup() as group:
            begin = time.perf_counter()
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
                talk = self.talks[number % len(self.talks)]
                other = self.talks[(number + len(self.talks) // 2) % len(self.talks)]
                group.create_task(self.customer_writes(talk, inward))
                group.create_task(self.teammate_writes(other, outward))
        inward.faults = whole.faults
        return inward, outward

    @contextlib.asynccontextmanager
    async def _measuring(self) -> AsyncIterator[Measure]:
        measure = Measure()
        cpu, begin = self.process.cpu(), time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            yield measure
        measure.seconds = time.perf_counter() - begin
        measure.cpu = self.process.cpu() - cpu
        measure.count = len(measure.latency)
        measure.faults = self.check()

    async def post_only(self, talk: Talk, times: int) -> None:
        """Write messages as the customer, each until acknowledged; arrivals are judged later."""
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {talk.token}"}
        for _ in range(times):
            word = self._next(talk, "c")
            body = json.dumps({"client_id": word, "text": word}).encode()
            status, answer = await talk.customer.request("POST", "/v1/messages", body, head)
            if status >= 300:
                raise RuntimeError(f"{word}: {status} {answer[:300]!r}")

    def missing(self) -> int:
        """Return how many texts have not arrived yet."""
        return self.check()["lost"]

    def check(self) -> Counter[str]:
        """Return what is lost, doubled or disordered so far; nothing may be on its way."""
        found = Counter(self.faults)
        for talk in self.talks:
            for letter in "ct":
                found["lost"] += talk.sent[letter] - self._last[f"{letter}{talk.number}"]
        return +found
