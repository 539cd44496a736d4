"""The cases: each runs one bridge beside a fresh stand-in and returns plain numbers."""

import asyncio
import contextlib
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.driver import Driver, Measure, percentile
from tests.bench.filling import fill
from tests.bench.process import (
    NAIVE,
    POSTGRES,
    POSTGRES_UVLOOP,
    SQLITE,
    UVLOOP,
    Kind,
    Process,
)
from tests.bench.stub import Stub

Numbers = dict[str, float]
DRAIN_WITHIN = 120.0
PAST_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: conversations, seconds of one measurement, backlog, silent customers."""

    talks: int = 100
    seconds: float = 4.0
    warm: float = 0.7
    backlog: int = 10_000
    silent: int = 1000
    paced: float = 30.0
    past: tuple[int, int] = (1_000, 1_000_000)


FULL = Size()
QUICK = Size(talks=10, seconds=0.5, warm=0.1)

FreshUrl = Callable[[Kind, Path], str]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where cases run: how much, and where a fresh database comes from."""

    size: Size
    fresh: FreshUrl

    @contextlib.asynccontextmanager
    async def bridge(
        self, kind: Kind, latency: float = 0.0, pace: str = "0", past: int = 0
    ) -> AsyncIterator[Driver]:
        """Run one bridge beside a fresh stand-in, with so many messages stored before."""
        stub = Stub(latency)
        await stub.start()
        with tempfile.TemporaryDirectory(prefix="handoff-bench-") as name:
            folder = Path(name)
            url = await asyncio.to_thread(self.fresh, kind, folder)
            if past:
                await asyncio.to_thread(fill, url, past)
            process = Process(kind, stub.api_url, url, folder, pace)
            driver = Driver(stub, process)
            try:
                await process.start()
                yield driver
            finally:
                driver.close()
                await process.end()
                await stub.stop()


def _loop(name: str, measure: Measure) -> Numbers:
    return {
        f"{name} per s": measure.per_second,
        f"{name} cpu us": measure.cpu_us,
        f"{name} core share": measure.cpu / measure.seconds,
        f"{name} p50 ms": percentile(measure.latency, 0.5),
        f"{name} p99 ms": percentile(measure.latency, 0.99),
        "faults": float(measure.faults.total()),
    }


async def loops(ground: Ground, kind: Kind, latency: float = 0.0) -> Numbers:
    """Both closed loops, one after the other."""
    found: Numbers = {}
    async with ground.bridge(kind, latency) as driver:
        await driver.begin(ground.size.talks)
        for letter, name in (("c", "in"), ("t", "out")):
            await driver.closed_loop(letter, ground.size.warm)
            found |= _loop(name, await driver.closed_loop(letter, ground.size.seconds))
    return found


async def latency(ground: Ground, kind: Kind, latency: float) -> Numbers:
    """100 texts a second each way, whatever the bridge does."""
    async with ground.bridge(kind, latency) as driver:
        await driver.begin(ground.size.talks)
        await driver.open_loop(100, ground.size.warm)
        inward, outward = await driver.open_loop(100, ground.size.seconds)
    return {
        "in p50 ms": percentile(inward.latency, 0.5),
        "in p99 ms": percentile(inward.latency, 0.99),
        "out p50 ms": percentile(outward.latency, 0.5),
        "out p99 ms": percentile(outward.latency, 0.99),
        "ack p50 ms": percentile(inward.ack, 0.5),
        "ack p99 ms": percentile(inward.ack, 0.99),
        "faults": float(inward.faults.total()),
    }


async def pacing(ground: Ground, kind: Kind) -> Numbers:
    """A room that takes 1 post a second, and customers who write 4 times as much."""
    async with ground.bridge(kind, pace="1") as driver:
        stub = driver.stub
        await driver.begin(4)
        stub.limit.per_second = 1.0
        stub.calls.clear()
        begin = time.perf_counter()
        while time.perf_counter() < begin + ground.size.paced:
            await asyncio.gather(*(driver.post_only(talk, 1) for talk in driver.talks))
            await asyncio.sleep(1.0)
        seconds = time.perf_counter() - begin
        accepted = stub.calls["chat.postMessage"] - stub.limit.refused
        await _drained(driver)
        return {
            "allowance used": accepted / seconds,
            "refused": float(stub.limit.refused),
            "faults": float(driver.check().total()),
        }


async def drain(ground: Ground, kind: Kind) -> Numbers:
    """Slack cannot be reached, 10,000 messages pile up, the bridge is killed; then all is back."""
    async with ground.bridge(kind) as driver:
        talks, stub = ground.size.talks, driver.stub
        await driver.begin(talks)
        steady = await driver.closed_loop("c", ground.size.seconds)
        port = stub.port
        await stub.stop()
        each = ground.size.backlog // talks
        await asyncio.gather(*(driver.post_only(talk, each) for talk in driver.talks))
        waiting = driver.missing()
        await driver.process.end(signal.SIGKILL)
        await stub.start(port)
        begin = time.perf_counter()
        await driver.process.start()
        ready = time.perf_counter()
        stub.told.clear()
        await stub.told.wait()
        first = time.perf_counter()
        await _drained(driver)
        end = time.perf_counter()
        return {
            "waiting": float(waiting),
            "ready s": ready - begin,
            "first post s": first - ready,
            "drained s": end - first,
            "of the steady rate": waiting / (end - first) / steady.per_second,
            "faults": float(driver.check().total()),
        }


async def _drained(driver: Driver) -> None:
    """Wait until everything has arrived, or long enough to call it lost."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_WITHIN):
            while driver.missing():
                driver.stub.told.clear()
                await driver.stub.told.wait()


async def memory(ground: Ground, kind: Kind) -> Numbers:
    """Resident memory a customer costs: an open stream, and one who has talked with a person."""
    async with ground.bridge(kind) as driver:
        await driver.begin(20)
        await driver.closed_loop("c", ground.size.warm)
        await driver.closed_loop("t", ground.size.warm)
        start, count = driver.process.memory(), ground.size.silent
        fresh = []
        for number in range(count):
            fresh.append(await driver.visit(20 + number))
            fresh[-1].hang_up()
        silent = driver.process.memory()
        measure = Measure()
        for talk in fresh:
            await driver.escalate(talk)
            await driver.customer_writes(talk, measure)
            await driver.teammate_writes(talk, measure)
            talk.hang_up()
        chatted = driver.process.memory()
        return {
            "start MB": start / 1e6,
            "silent kB": (silent - start) / count / 1e3,
            "chatted kB": (chatted - start) / count / 1e3,
            "faults": float(driver.check().total()),
        }


async def past(ground: Ground, kind: Kind) -> Numbers:
    """What a message costs beside 1,000 stored ones and beside 1,000,000, in turn."""
    few, many = ground.size.past
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    faults = 0
    async with ground.bridge(kind, past=few) as new, ground.bridge(kind, past=many) as old:
        drivers = {few: new, many: old}
        for driver in drivers.values():
            await driver.begin(ground.size.talks)
        for _ in range(PAST_ROUNDS):
            for letter, name in (("c", "in"), ("t", "out")):
                for size, driver in drivers.items():
                    measure = await driver.closed_loop(letter, ground.size.seconds / 2)
                    found[name, size].append(measure.cpu_us)
                    faults += measure.faults.total()
    numbers: Numbers = {"faults": float(faults)}
    for name in ("in", "out"):
        numbers |= {f"{name} cpu us at {size:,}": median(found[name, size]) for size in drivers}
        pairs = zip(found[name, few], found[name, many], strict=True)
        numbers[f"{name} growth"] = median(after / before for before, after in pairs)
    return numbers


Run = Callable[[Ground, Kind], Coroutine[Any, Any, Numbers]]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: what is run for which kinds, and whether in every round."""

    name: str
    run: Run
    kinds: tuple[Kind, ...]
    once: bool = False


def _at(run: Callable[[Ground, Kind, float], Coroutine[Any, Any, Numbers]], latency: float) -> Run:
    return lambda ground, kind: run(ground, kind, latency)


CASES = (
    Case("loops", loops, (NAIVE, SQLITE, UVLOOP, POSTGRES, POSTGRES_UVLOOP)),
    Case("latency 50 ms", _at(latency, 0.05), (NAIVE, SQLITE, UVLOOP)),
    Case("latency 0 ms", _at(latency, 0.0), (NAIVE, SQLITE), once=True),
    Case("latency 200 ms", _at(latency, 0.2), (NAIVE, SQLITE), once=True),
    Case("loops at 50 ms", _at(loops, 0.05), (NAIVE, SQLITE), once=True),
    Case("loops at 200 ms", _at(loops, 0.2), (NAIVE, SQLITE), once=True),
    Case("pacing", pacing, (SQLITE,), once=True),
    Case("drain", drain, (SQLITE,), once=True),
    Case("past", past, (SQLITE,), once=True),
    Case("memory", memory, (SQLITE,), once=True),
)
QUICK_CASES = (Case("loops", loops, (NAIVE, SQLITE)),)
