"""Turns: order, rate, bursts, pauses that hold up nobody else, and giving up the wait."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pacing import MANY_LANES, MARGIN, NO_LIMIT, Lanes, Limit, RoomPacer, per_minute
from bridge.clock import SystemClock
from bridge.ports.desk import Pacer, Turn
from tests.clocks import HandClock


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


async def grants(clock: HandClock, lanes: Lanes, waits: list[tuple[str, int]]) -> list[int]:
    """Ask for turns in this order and return the order in which they were granted."""
    order: list[int] = []

    async def one(number: int, key: str, turn: int) -> None:
        await lanes.admit(key, turn)
        order.append(number)

    tasks = []
    for number, (key, turn) in enumerate(waits):
        tasks.append(asyncio.create_task(one(number, key, turn)))
        await settle()
    while not all(task.done() for task in tasks):
        clock.advance(0.05)
        await settle()
    return order


def test_a_room_pacer_is_a_pacer() -> None:
    """It is what the port asks for."""
    pacer: Pacer = RoomPacer(HandClock())
    assert pacer.ready("C1")


async def test_lower_turns_go_first_then_the_earliest() -> None:
    """A root overtakes words, words overtake notices; equals keep their order."""
    clock = HandClock()
    lanes = Lanes(clock, Limit(1.0))
    asked = [Turn.CARD, Turn.NOTICE, Turn.WORDS, Turn.WORDS, Turn.ROOT, Turn.NOTICE]
    order = await grants(clock, lanes, [("C1", turn) for turn in asked])
    assert order == [0, 4, 2, 3, 1, 5]  # the first found the room free


async def test_the_rate_is_kept() -> None:
    """Calls are spaced as the limit says, a margin wider, and no more than that."""
    clock = HandClock()
    lanes = Lanes(clock, Limit(2.0))
    times: list[float] = []

    async def one() -> None:
        await lanes.admit("C1")
        times.append(clock.now())

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(one())
        for _ in range(700):
            await settle()
            clock.advance(0.005)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(0.5 <= gap <= 0.5 * MARGIN + 0.0051 for gap in gaps)


async def test_a_burst_goes_at_once_and_fills_again() -> None:
    """As many as the burst allows, then the spacing; after a rest the burst is there again."""
    clock = HandClock()
    lanes = Lanes(clock, Limit(1.0, burst=3))
    for _ in range(2):
        free = 0
        while lanes.ready("C1"):
            await lanes.admit("C1")
            free += 1
        assert free == 3
        clock.advance(10)


async def test_rooms_do_not_wait_for_each_other() -> None:
    """A paused room, or a full one, leaves the others free."""
    clock = HandClock()
    pacer = RoomPacer(clock, Limit(1.0))
    pacer.pause("C1", 30)
    assert not pacer.ready("C1")
    assert pacer.ready("C2")
    await pacer.turn("C2", Turn.WORDS)
    assert not pacer.ready("C2")
    assert pacer.ready("C3")


async def test_a_pause_holds_even_without_a_limit() -> None:
    """With pacing off the platform's own word still counts; a shorter pause does not shorten."""
    clock = HandClock()
    pacer = RoomPacer(clock, NO_LIMIT)
    pacer.pause("C1", 5)
    pacer.pause("C1", 1)
    waiting = asyncio.create_task(pacer.turn("C1", Turn.WORDS))
    await settle()
    clock.advance(4.9)
    await settle()
    assert not waiting.done()
    clock.advance(0.2)
    await waiting


async def test_a_pause_during_the_wait_is_kept() -> None:
    """Who waits already waits for the pause as well."""
    clock = HandClock()
    pacer = RoomPacer(clock, Limit(1.0))
    await pacer.turn("C1", Turn.WORDS)
    waiting = asyncio.create_task(pacer.turn("C1", Turn.WORDS))
    await settle()
    pacer.pause("C1", 10)
    clock.advance(2)
    await settle()
    assert not waiting.done()
    clock.advance(9)
    await waiting


async def test_without_a_limit_nobody_waits() -> None:
    """A thousand turns, while the clock stands still."""
    clock = HandClock()
    pacer = RoomPacer(clock)
    async with asyncio.timeout(10):
        for _ in range(1000):
            await pacer.turn("C1", Turn.WORDS)
    assert clock.next_alarm is None


async def test_giving_up_the_wait_costs_nothing() -> None:
    """Whoever is cancelled, the one keeping the time or another, the rest go on as if alone."""
    for given_up in (0, 1, 2):
        clock = HandClock()
        lanes = Lanes(clock, Limit(1.0))
        await lanes.admit("C1")
        tasks = [asyncio.create_task(lanes.admit("C1")) for _ in range(3)]
        await settle()
        tasks[given_up].cancel()
        await settle()
        for _ in range(42):
            clock.advance(0.05)
            await settle()
        kept = [task for number, task in enumerate(tasks) if number != given_up]
        assert all(task.done() and not task.cancelled() for task in kept)


async def test_giving_up_just_after_the_grant_gives_the_turn_back() -> None:
    """A turn granted to somebody who was cancelled in the same moment is not lost."""
    clock = HandClock()
    lanes = Lanes(clock, Limit(1.0))
    await lanes.admit("C1")
    first, second, third = (asyncio.create_task(lanes.admit("C1")) for _ in range(3))
    await settle()
    clock.advance(1.02)
    for _ in range(40):
        second.cancel()  # perhaps right after it was granted
        await asyncio.sleep(0)
    clock.advance(1.02)
    await settle()
    assert first.done()
    assert third.done()


@given(
    st.lists(st.tuples(st.sampled_from(["C1", "C2"]), st.sampled_from(list(Turn))), max_size=12),
    st.integers(1, 3),
)
def test_everybody_gets_a_turn(waits: list[tuple[str, Turn]], burst: int) -> None:
    """Once each, and within a room of equal turns in the order they asked."""

    async def run() -> list[int]:
        clock = HandClock()
        lanes = Lanes(clock, Limit(1.0, burst=burst))
        return await grants(clock, lanes, [(key, int(turn)) for key, turn in waits])

    order = asyncio.run(run())
    assert sorted(order) == list(range(len(waits)))
    for key in ("C1", "C2"):
        for turn in Turn:
            same = [number for number in order if waits[number] == (key, turn)]
            assert same == sorted(same)


async def test_each_method_has_its_own_limit() -> None:
    """Named limits for those named, the default for the rest."""
    clock = HandClock()
    lanes = Lanes(clock, limits={"slow": per_minute(6)})
    await lanes.admit("slow")
    assert not lanes.ready("slow")
    assert lanes.ready("other")
    clock.advance(10.2)
    assert lanes.ready("slow")


async def test_idle_rooms_are_forgotten() -> None:
    """Memory does not grow with every room ever seen, and a busy room is not forgotten."""
    clock = HandClock()
    lanes = Lanes(clock, Limit(1.0))
    lanes.pause("busy", 1000)
    for number in range(MANY_LANES * 2):
        await lanes.admit(f"C{number}")
        clock.advance(0.01)
    assert len(lanes) <= MANY_LANES + 1
    assert not lanes.ready("busy")


@pytest.mark.slow
@pytest.mark.parametrize("rate", [10.0, 50.0])
async def test_the_allowance_is_used(rate: float) -> None:
    """On the real clock at least 90 % of the turns a rate allows are handed out."""
    lanes = Lanes(SystemClock(), Limit(rate))
    count = int(rate * 1.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(lanes.admit("C1") for _ in range(count + 1)))
    took = loop.time() - began
    assert count / rate <= took <= count / rate / 0.9
