"""Clocks that are set, clocks that are apart, and signatures that are old."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest

from adapters.slack.signing import is_signed
from bridge.app.timekeeping import Timekeeper
from bridge.clock import SteadyClock, SystemClock
from bridge.domain.errors import Uncertain
from bridge.domain.handoff import Floor
from bridge.domain.policy import default_policy
from bridge.domain.posts import Post, PostKind
from storage import open_store
from storage.postgres import PostgresStore
from tests.adapters.slack.scene import scene
from tests.clocks import START, HandClock
from tests.databases import sqlite_url
from tests.faults.scenes import pass_time
from tests.servers.slack_people import sign
from tests.servers.slack_state import ROOM
from tests.world import World, the_rules

HOUR = 3600.0
JUMPS = (HOUR, -HOUR)


class Machine(HandClock):
    """A machine whose clock somebody sets; the bridge goes by a steady clock over it."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by = 0.0
        self.steady = SteadyClock(lambda: self.monotonic() + self.set_by, self.monotonic)

    def monotonic(self) -> float:
        return super().now()

    def now(self) -> float:
        return self.steady.now()

    def wall(self) -> float:
        return self.steady.wall()


class WrongClock(SystemClock):
    """A clock that is wrong from the beginning."""

    def __init__(self, ahead: float) -> None:
        self.ahead = ahead

    def now(self) -> float:
        return super().now() + self.ahead


@asynccontextmanager
async def on_a_machine(folder: Path) -> AsyncIterator[tuple[World, Machine]]:
    """Run a world by a machine's clock."""
    machine, url = Machine(), sqlite_url(folder)
    world = World(lambda: open_store(url), the_rules(default_policy()), machine)
    world.rules = the_rules(default_policy(), world.desk)
    async with world:
        yield world, machine


@pytest.mark.fault("F45")
@pytest.mark.parametrize("jump", JUMPS)
def test_a_steady_clock_does_not_jump(jump: float) -> None:
    """A clock that is set by an hour is followed, a tenth faster or slower; it never goes back."""
    machine = Machine()
    machine.advance(10)
    before = machine.now()
    machine.set_by = jump
    assert machine.now() == before
    seen = [before]
    for _ in range(100):
        machine.advance(1)
        seen.append(machine.now())
    steps = [later - earlier for earlier, later in pairwise(seen)]
    assert all(0.89 < step < 1.11 for step in steps)
    for _ in range(400):
        machine.advance(100)
        machine.now()
    assert machine.now() == pytest.approx(machine.wall())


@pytest.mark.fault("F45", "F46")
@pytest.mark.parametrize("jump", [-0.9, 0.9, -0.01, HOUR, -HOUR])
def test_a_steady_clock_never_goes_back(jump: float) -> None:
    """However little or far a clock is set, the machine's or the one it follows, and however often
    it is read, each reading is later than the one before.
    """
    machine = Machine()
    machine.advance(10)
    seen = [machine.now()]
    for number in range(2000):
        machine.set_by = jump * (number % 2)
        if number % 3 == 0:
            machine.steady.follow(machine.wall() + jump)
        machine.advance(0.0001 * (1 + number % 50))
        seen.append(machine.now())
    assert all(later > earlier for earlier, later in pairwise(seen))


class DistantStore:
    """A database whose clock is read so many seconds after asking, and told so many later."""

    def __init__(self, machine: Machine, ahead: float) -> None:
        self.machine = machine
        self.ahead = ahead
        self.way, self.back = 0.0, 0.0

    async def time(self) -> float | None:
        """Return its clock as it was when the question came."""
        self.machine.advance(self.way)
        told = self.machine.monotonic() + self.ahead
        self.machine.advance(self.back)
        return told


@pytest.mark.fault("F46")
async def test_the_time_an_answer_takes_is_no_difference_between_clocks() -> None:
    """Half of the round trip is added at first; after that an answer, quick or slow, moves nothing
    that it does not contradict, and a clock that was set is followed to within the round trip.
    """
    machine = Machine()
    store = DistantStore(machine, 5.0)
    keeper = Timekeeper(machine.steady, store)  # type: ignore[arg-type]
    store.way = store.back = 2.0
    await keeper.begin()
    assert machine.steady.ahead == pytest.approx(5.0)
    assert machine.now() == pytest.approx(machine.wall() + 5.0)
    for way, back in ((0.1, 0.3), (0.2, 0.2), (0.0, 8.0), (8.0, 0.0)):
        store.way, store.back = way, back
        await keeper.look()
        assert machine.steady.ahead == pytest.approx(5.0)
    for ahead in (7.0, -100.0):
        store.ahead, store.way, store.back = ahead, 0.1, 0.1
        await keeper.look()
        assert machine.steady.ahead == pytest.approx(ahead, abs=0.2)


@pytest.mark.fault("F45")
async def test_a_timer_rings_in_its_time_though_the_clock_is_set(tmp_path: Path) -> None:
    """Whether the clock is set on, back or not at all, a customer who waits is told after about
    the same time.
    """
    waited = {}
    for jump in (0.0, *JUMPS):
        folder = tmp_path / f"{jump:.0f}"
        folder.mkdir()
        async with on_a_machine(folder) as (world, machine):
            customer = await world.escalated()
            machine.set_by = jump
            began = machine.monotonic()
            while (await world.conversation(customer)).floor is not Floor.ASSISTANT:
                machine.advance(10)
                await world.settle(60)
                assert machine.monotonic() - began < 2000
            waited[jump] = machine.monotonic() - began
    for jump in JUMPS:
        assert waited[jump] == pytest.approx(waited[0.0], rel=0.15)


@pytest.mark.fault("F45")
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_doubt_is_settled_in_its_time_though_the_clock_is_set(
    tmp_path: Path, jump: float
) -> None:
    """A post whose answer was lost is neither sent again too early nor waited for an hour; lines
    keep their order.
    """
    async with on_a_machine(tmp_path) as (world, machine):
        customer = await world.escalated()
        world.desk.before.append(Uncertain("reply lost"))
        await world.says(customer, "first")
        await world.says(customer, "second")
        await world.settle()
        machine.set_by = jump
        await pass_time([world], 5)
        assert world.desk.words() == []
        await pass_time([world], 5)
        assert world.desk.words() == ["first", "second"]


@pytest.mark.postgres
@pytest.mark.fault("F46")
async def test_instances_apart_go_by_the_databases_clock(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Machines five minutes ahead and behind have one time for timers and leases, and each says
    that its clock is wrong; one that is ten seconds off says nothing.
    """
    ticks = HandClock(0.0)
    times, told = [], []
    async with PostgresStore(postgres_url) as store:
        real = await store.time()
        assert real is not None
        for apart in (300.0, -300.0, 10.0):
            clock = SteadyClock(HandClock(real + apart).now, ticks.monotonic)
            caplog.clear()
            await Timekeeper(clock, store).begin()
            times.append(clock.now())
            told.append("clock was set, or is wrong" in caplog.text)
    assert max(times) - min(times) < 5.0
    assert told == [True, True, False]


@pytest.mark.fault("F45")
async def test_a_clock_that_is_set_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The alarm comes with the jump, not with every look, and not for a few seconds."""
    machine = Machine()
    async with open_store(sqlite_url(tmp_path)) as store:
        keeper = Timekeeper(machine.steady, store)
        await keeper.begin()
        for jump in (20.0, HOUR, HOUR):
            machine.set_by = jump
            await keeper.look()
    assert caplog.text.count("clock was set, or is wrong") == 1


@pytest.mark.postgres
@pytest.mark.fault("F45")
async def test_a_dead_instance_is_succeeded_though_the_servers_clock_was_set_back(
    postgres_url: str,
) -> None:
    """Leases that seem to last another hour end after their thirty seconds."""
    async with PostgresStore(postgres_url) as one, PostgresStore(postgres_url) as two:
        assert len((await one.tenure()).owned) == 64
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("UPDATE shard SET until = until + 3600")
        await connection.execute("UPDATE instance SET seen_at = seen_at + 3600")
        assert (await two.tenure()).owned == {}
        await connection.execute("UPDATE shard SET until = until - 31")
        await connection.execute("UPDATE instance SET seen_at = seen_at - 31")
        await connection.close()
        assert len((await two.tenure()).owned) == 64


@pytest.mark.fault("F45", "F46")
@pytest.mark.parametrize("ahead", [300.0, HOUR, -HOUR])
async def test_a_post_is_found_though_our_clock_is_not_slacks(tmp_path: Path, ahead: float) -> None:
    """A post made while our clock was wrong is found by its key, and so not made again."""
    clock = WrongClock(ahead)
    async with scene(tmp_path, clock) as made:
        since = clock.now()
        post = await made.desk.post(made.thread, Post(PostKind.NOTICE, text="hello"), ("d_1",))
        assert await made.desk.find(ROOM, made.thread, "d_1", since) == post
        assert await made.desk.find(ROOM, None, "d_root", since) == made.thread


@pytest.mark.fault("F47")
@pytest.mark.parametrize(
    ("age", "good"), [(299, True), (-299, True), (301, False), (-301, False), (0, True)]
)
def test_a_signature_is_good_for_five_minutes(age: int, good: bool) -> None:
    """Older or younger by 299 seconds is taken, by 301 refused."""
    body, at = b"payload=1", str(int(START) - age)
    assert is_signed("secret", at, sign("secret", at, body), body, START) is good
