"""Posts nobody is sure of, and parked lanes: late turns, calls that hang, hands that interfere."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.delivery import Progress
from bridge.domain.errors import Refused, StoreUnavailable
from bridge.ports.store import Settlement, Write
from bridge.relay.lanes import PROBE
from tests.relay.test_reviving import dead_lines, shut_out, waiting_lines
from tests.relay.unruly import UnrulyWorld
from tests.world import FreePacer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[UnrulyWorld]:
    """A running bridge with an unruly desk."""
    async with UnrulyWorld(tmp_path) as made:
        yield made


class LatePacer(FreePacer):
    """Says that a room is ready, and then lets nobody have a turn before its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def turn(self, room: str, turn: object) -> None:
        """Wait for the gate."""
        await self.gate.wait()


def late(world: UnrulyWorld) -> asyncio.Event:
    """Keep every post waiting for its turn until the event that is returned."""
    pacer = LatePacer()
    world.desk.pacer = pacer
    return pacer.gate


def hang_after(world: UnrulyWorld, name: str) -> Any:
    """Have a call of the desk made and never answered; returns the real one."""
    real = getattr(world.desk, name)

    async def hangs(*given: Any) -> Any:
        await real(*given)
        await asyncio.Event().wait()

    setattr(world.desk, name, hangs)
    return real


@pytest.mark.parametrize("killed", [False, True])
async def test_what_a_late_post_took_along_is_found_in_it(world: UnrulyWorld, killed: bool) -> None:
    """A line waits for its turn, and takes one along that came meanwhile; the answer is lost."""
    customer = await world.escalated()
    gate = late(world)
    await world.says(customer, "one")
    await world.pass_time(5)
    await world.says(customer, "two")
    await world.settle()
    world.desk.troubles = ["made"]
    gate.set()
    await world.settle()
    if killed:
        await world.crash()
        await world.start()
    await world.pass_time(60)

    assert world.desk.words() == ["one", "two"]


async def test_a_call_that_hung_until_the_program_died_is_waited_for(world: UnrulyWorld) -> None:
    """It had its effect at its end, and the post shows late: there is one root."""
    customer = await world.arrives()
    await world.says(customer, "hello")
    await world.settle()
    world.desk.lag = 4.5
    world.desk.gate.clear()
    real = hang_after(world, "open_thread")
    await world.asks_for_person(customer)
    await world.pass_time(9)
    world.desk.gate.set()
    await world.settle()
    world.desk.open_thread = real  # type: ignore[method-assign]
    await world.crash()
    world.clock.advance(1.0)
    await world.start()
    await world.pass_time(60)

    assert len(world.desk.roots) == 1


async def test_a_line_that_left_late_is_waited_for_after_a_kill(world: UnrulyWorld) -> None:
    """It waited for its turn after it was stored as being sent: it stands there once."""
    customer = await world.escalated()
    gate = late(world)
    world.desk.lag = 4.5
    await world.says(customer, "one")
    await world.pass_time(10)
    real = hang_after(world, "post")
    gate.set()
    await world.settle()
    world.desk.post = real  # type: ignore[method-assign]
    await world.crash()
    world.clock.advance(1.0)
    await world.start()
    await world.pass_time(60)

    assert world.desk.words() == ["one"]


async def test_skipping_what_is_in_doubt_doubles_nothing_that_went_with_it(
    world: UnrulyWorld,
) -> None:
    """Two lines went in one post that nobody could find; the operator skips the first."""
    customer = await world.escalated()
    gate = late(world)
    world.desk.troubles, world.desk.blind = ["again", "made"], ["again"] * 9
    await world.says(customer, "one")
    await world.settle()
    gate.set()
    await world.settle()
    await world.says(customer, "two")
    while not await dead_lines(world):
        await world.pass_time(5.0, step=5.0)
    world.desk.blind = []
    [dead] = await dead_lines(world)
    await world.relay.reviver.skip(dead.id)
    await world.pass_time(60)

    assert world.desk.words() == ["one", "two"]


async def test_a_retry_while_the_end_is_being_stored_keeps_the_order(world: UnrulyWorld) -> None:
    """A death was stored and the database's answer lost; an operator retries within the second."""
    customer = await world.escalated()
    truth: Any = world.store.truth
    real = truth.commit

    async def loses_the_answer(write: Write) -> None:
        await real(write)
        if any(s.delivery.progress is Progress.DEAD for s in write.settled):
            truth.commit = real
            message = "the answer was lost"
            raise StoreUnavailable(message)

    truth.commit = loses_the_answer
    world.desk.capabilities = replace(world.desk.capabilities, merges=False)
    world.desk.troubles = ["refused"]
    gate = late(world)
    for line in ("one", "two", "three"):
        await world.says(customer, line)
    gate.set()
    await world.settle()
    [dead] = await dead_lines(world)
    assert await world.relay.reviver.retry(dead.id)
    await world.pass_time(30)

    assert world.desk.words() == ["one", "two", "three"]


@pytest.mark.parametrize("how", ["skipped", "thread lost"])
async def test_a_probed_head_that_did_not_arrive_brings_no_others(
    world: UnrulyWorld, how: str
) -> None:
    """It is skipped, or its own thread is gone, and the room still refuses: nobody hammers it."""
    room, _ = await shut_out(world, 12)
    [lanes] = world.relay.courier.parked().values()
    first = lanes[0][1]
    thread = (await world.conversation(first.conversation_id)).thread

    async def post(at: Any, *given: Any) -> Any:
        if at == thread and how == "thread lost":
            gone = "gone"
            raise Refused(gone, lost_thread=True)
        return await room.post(at, *given)

    world.desk.post = post  # type: ignore[method-assign,assignment]
    knocks = room.knocks
    await world.pass_time(PROBE + 10, step=5.0)
    if how == "skipped":
        assert await world.relay.reviver.skip(first.id)
    await world.pass_time(30, step=5.0)

    assert room.knocks - knocks <= 2


async def test_a_lane_mended_in_the_database_itself_starves_no_other(world: UnrulyWorld) -> None:
    """Whoever changed the row told nobody: the next probe notices, and the room goes on."""
    room, _ = await shut_out(world, 3)
    first = (await dead_lines(world))[0].moved(Progress.QUEUED, attempts=0, due_at=0.0)
    await world.store.truth.commit(Write(settled=[Settlement(first)]))
    room.shut = False
    await world.pass_time(2 * PROBE + 20, step=5.0)

    assert await waiting_lines(world) == []
    assert len(world.desk.words()) == 6


async def test_a_retry_beside_a_probe_keeps_the_order(world: UnrulyWorld) -> None:
    """The operator retries while a probe of the same head begins: each line once, in order."""
    room, _ = await shut_out(world, 1)
    [dead] = await dead_lines(world)
    [[(_, head)]] = world.relay.courier.parked().values()
    room.shut = False
    gate = late(world)
    assert await world.relay.reviver.retry(dead.id)
    assert not await world.relay.reviver.probe(head)
    gate.set()
    await world.pass_time(30)

    assert world.desk.words() == ["line 0", "more 0"]
    assert await waiting_lines(world) == []


async def test_what_was_refused_in_doubt_is_probed_after_a_start(world: UnrulyWorld) -> None:
    """Nobody could tell whether it arrived, and the token is renewed by a start."""
    customer = await world.escalated()
    world.desk.troubles, world.desk.blind = ["made"], ["refused"]
    await world.says(customer, "one")
    await world.pass_time(20)
    await world.says(customer, "two")
    await world.pass_time(20)
    assert len(await dead_lines(world)) == 1
    await world.restart()
    await world.pass_time(60)

    assert world.desk.words() == ["one", "two"]


async def test_what_cannot_be_read_takes_no_probe(world: UnrulyWorld, tmp_path: Path) -> None:
    """After a start the room is tried by a lane that can be posted."""
    room, _ = await shut_out(world, 2)
    first = (await dead_lines(world))[0]
    await world.crash()
    [path] = tmp_path.glob("**/*.db")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE delivery SET kind = 'of tomorrow' WHERE id = ?", (first.id,))
    database.close()
    room.shut = False
    await world.start()
    await world.pass_time(30, step=5.0)

    assert len(world.desk.words()) == 2
