"""Rows that cannot be read, or that end the program: they are set aside, and all others flow."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.app.parts import ready
from bridge.domain.delivery import Answer, Leg
from bridge.domain.errors import StoreUnavailable
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId, DeliveryId, PostRef
from bridge.domain.messages import Role
from tests.faults.scenes import one_world, pass_time
from tests.world import World

pytestmark = pytest.mark.fault("F42")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running bridge with a hand-moved clock."""
    async with one_world(tmp_path) as made:
        yield made


def spoil(folder: Path, order: str, *values: object) -> None:
    """Change rows behind the bridge's back while it is down."""
    file = sqlite3.connect(folder / "handoff.db")
    with file:
        assert file.execute(order, values).rowcount > 0
    file.close()


async def with_lines_waiting(world: World) -> tuple[ConversationId, ConversationId]:
    """Return two conversations with lines that are still to be sent, the bridge being down."""
    one, two = await world.escalated(), await world.escalated()
    await world.settle()

    async def hangs(*given: object) -> PostRef:
        await asyncio.Event().wait()
        raise AssertionError

    real = world.desk.post
    world.desk.post = hangs  # type: ignore[method-assign,assignment]
    for name, customer in (("one", one), ("two", two)):
        for number in range(3):
            await world.says(customer, f"{name} {number}")
    await world.settle(20)
    await world.crash()
    world.desk.post = real  # type: ignore[method-assign]
    return one, two


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "sing_song"), ("payload", "{"), ("payload", "{}")]
)
async def test_a_delivery_that_cannot_be_read_is_set_aside(
    world: World, tmp_path: Path, column: str, value: str
) -> None:
    """The bridge starts; the other lane flows; this one is parked, listed and told in the thread,
    and goes on once the line is skipped.
    """
    one, _ = await with_lines_waiting(world)
    order = f"UPDATE delivery SET {column} = ? WHERE id = (SELECT id FROM delivery WHERE"  # noqa: S608
    order += " conversation_id = ? AND leg = 'desk' ORDER BY position DESC LIMIT 1 OFFSET 2)"
    spoil(tmp_path, order, value, one)
    await world.start()
    await pass_time([world], 20)

    assert world.desk.words() == ["two 0", "two 1", "two 2"]
    (dead,) = await world.relay.store.dead()
    assert any("could not be shown here" in notice for notice in world.desk.notices())
    assert await world.relay.reviver.retry(dead.id)
    await world.settle()
    world.clock.advance(1)
    assert [again.id for again in await world.relay.store.dead()] == [dead.id]
    assert await world.relay.reviver.skip(dead.id)
    await world.settle()
    assert world.desk.words() == ["two 0", "two 1", "two 2", "one 1", "one 2"]


async def test_a_question_that_cannot_be_read_does_not_leave_the_customer_in_silence(
    world: World, tmp_path: Path
) -> None:
    """It is asked anew, from what was said."""
    customer = await world.arrives()
    world.assistant.gate.clear()
    await world.says(customer, "hello")
    await world.settle(20)
    await world.crash()
    spoil(tmp_path, "UPDATE delivery SET payload = '{}' WHERE conversation_id = ?", customer)
    world.assistant.gate.set()
    await world.start()
    await world.pass_time(5)

    assert [m.text for m in await world.messages(customer)] == ["hello", "echo: hello"]


async def test_a_timer_nobody_knows_keeps_no_other_from_ringing(
    world: World, tmp_path: Path
) -> None:
    """Another version's timer is passed over; the customer who waits is still told."""
    one, two = await world.escalated(), await world.escalated()
    await world.crash()
    spoil(tmp_path, "UPDATE timer SET kind = 'sing' WHERE conversation_id = ?", one)
    await world.start()
    await world.pass_time(1000, step=10)

    assert (await world.conversation(two)).floor is Floor.ASSISTANT


async def test_a_conversation_that_cannot_be_read_takes_no_neighbour_along(
    world: World, tmp_path: Path
) -> None:
    """Its own words are refused, those that came in the same moment are taken and sent."""
    one, two = await with_lines_waiting(world)
    spoil(tmp_path, "UPDATE conversation SET customer = '[' WHERE id = ?", one)
    await world.start()
    for number in range(3, 6):
        told = await asyncio.gather(
            world.says(one, f"one {number}"),
            world.says(two, f"two {number}"),
            return_exceptions=True,
        )
        assert isinstance(told[0], StoreUnavailable)
        assert not isinstance(told[1], BaseException)
    for _ in range(60):
        world.clock.advance(10)
        await world.settle(25)
    await world.says(two, "two 6")
    await world.settle()

    assert world.desk.words() == [f"two {number}" for number in range(7)]
    # A timer that cannot ring holds up no other, nor does a row hide the rest of the queue.
    assert any("has been waiting" in notice for notice in world.desk.notices())
    assert [waiting.handoff.conversation_id for waiting in await world.relay.board.queue()] == [two]
    assert ready(world.relay)["store"].ready


@pytest.mark.parametrize("progress", ["queued", "dead"])
@pytest.mark.parametrize(
    ("column", "value"), [("leg", "pigeon"), ("attempts", "many"), ("position", "first")]
)
async def test_a_row_of_another_version_is_reported_and_left(
    world: World,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    column: str,
    value: str,
    progress: str,
) -> None:
    """A leg nobody knows, or a value of another type, keeps the bridge neither from starting nor
    from sending and listing all else; the row stays as it was.
    """
    one, _ = await with_lines_waiting(world)
    order = f"UPDATE delivery SET {column} = ?, kind = 'sing', progress = ? WHERE id ="  # noqa: S608
    order += " (SELECT id FROM delivery WHERE conversation_id = ? AND leg = 'desk'"
    order += " ORDER BY position DESC LIMIT 1)"
    spoil(tmp_path, order, value, progress, one)
    caplog.clear()
    await world.start()
    assert [told for told in told_of(caplog) if told.startswith("unreadable_row")]
    await pass_time([world], 20)

    assert sorted(world.desk.words()) == ["one 0", "one 1", "two 0", "two 1", "two 2"]
    assert await world.relay.store.dead() == ()
    file = sqlite3.connect(tmp_path / "handoff.db")
    left = f"SELECT count(*) FROM delivery WHERE {column} = ? AND progress = ?"  # noqa: S608
    assert file.execute(left, (value, progress)).fetchone() == (1,)
    file.close()


@pytest.mark.parametrize(("column", "value"), [("progress", "flying"), ("receipt", "[")])
async def test_a_delivery_of_another_version_is_not_there_for_who_asks_by_name(
    world: World, tmp_path: Path, column: str, value: str
) -> None:
    """Neither the operator who names it nor a second copy of its post ends in an error."""
    customer = await world.escalated()
    await world.says(customer, "hello")
    await world.settle()
    spoil(tmp_path, f"UPDATE delivery SET {column} = ? WHERE leg = 'desk'", value)  # noqa: S608
    file = sqlite3.connect(tmp_path / "handoff.db")
    (name,) = file.execute("SELECT max(id) FROM delivery WHERE leg = 'desk'").fetchone()
    file.close()

    assert not await world.relay.reviver.retry(DeliveryId(name))
    assert await world.relay.receipts.stands_elsewhere((name,), PostRef("memory:9"), 0.0) is None


UNREADABLE = [("customer", "["), ("floor", "moon"), ("seq", "many")]
"""What makes a conversation unreadable: damage, a newer version's word, a value of another type."""


def told_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return which errors were logged, and of which delivery."""
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    return [f"{record.__dict__['action']} {record.__dict__.get('delivery')}" for record in errors]


@pytest.mark.parametrize(("column", "value"), UNREADABLE)
async def test_a_death_whose_conversation_cannot_be_read_is_stored_once(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture, column: str, value: str
) -> None:
    """The line is listed as dead and logged once, its neighbours are sent; mended and retried, all
    of it goes.
    """
    one, _ = await with_lines_waiting(world)
    order = f"UPDATE conversation SET {column} = ? WHERE id = ?"  # noqa: S608
    (was,) = (
        sqlite3.connect(tmp_path / "handoff.db")
        .execute(
            f"SELECT {column} FROM conversation WHERE id = ?",  # noqa: S608
            (one,),
        )
        .fetchone()
    )
    spoil(tmp_path, order, value, one)
    caplog.clear()
    await world.start()
    await pass_time([world], 60)

    (dead,) = await world.relay.store.dead()
    assert (dead.conversation_id, dead.leg) == (one, Leg.DESK)
    assert "cannot be read" in dead.error
    told = told_of(caplog)
    assert sorted(told) == [f"delivery_dead {dead.id}", f"end_untold {dead.id}"]
    assert world.desk.words() == ["two 0", "two 1", "two 2"]

    await world.crash()
    spoil(tmp_path, order, was, one)
    await world.start()
    assert await world.relay.reviver.retry(dead.id)
    await pass_time([world], 5)
    assert world.desk.words() == ["two 0", "two 1", "two 2", "one 0", "one 1", "one 2"]
    assert await world.relay.store.dead() == ()


async def test_an_answer_whose_conversation_cannot_be_read_is_not_lost(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The question is given up on once; retried when the row was mended it is answered."""
    customer = await world.arrives()
    world.assistant.gate.clear()
    await world.says(customer, "hello")
    await world.settle(20)
    order = "UPDATE conversation SET floor = ? WHERE id = ?"
    spoil(tmp_path, order, "moon", customer)
    world.relay.inbox.forget(None)
    world.assistant.gate.set()
    await pass_time([world], 10)

    (dead,) = await world.relay.store.dead()
    assert dead.leg is Leg.ASSISTANT
    assert "it arrived" in dead.error
    assert told_of(caplog) == [f"end_untold {dead.id}"] * 2
    spoil(tmp_path, order, "assistant", customer)
    assert await world.relay.reviver.retry(dead.id)
    await world.settle()
    assert [m.text for m in await world.messages(customer)] == ["hello", "echo: hello"]


async def test_an_answer_no_database_takes_counts_as_none(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The assistant is asked again, as after any failure, and nothing is tried for ever."""
    customer = await world.arrives()
    world.assistant.answers.append(Answer("NUL: \0"))
    await world.says(customer, "hello")
    await pass_time([world], 10)

    assert [m.text for m in await world.messages(customer)] == ["hello", "echo: hello"]
    assert len(world.assistant.asked) == 2
    assert len(told_of(caplog)) == 1


async def test_a_timer_of_a_conversation_that_cannot_be_read_is_told_once(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot ring, which is logged at the first time and not at each look."""
    one, two = await world.escalated(), await world.escalated()
    await world.crash()
    spoil(tmp_path, "UPDATE conversation SET floor = 'moon' WHERE id = ?", one)
    caplog.clear()
    await world.start()
    await world.pass_time(1000, step=10)

    assert (await world.conversation(two)).floor is Floor.ASSISTANT
    assert told_of(caplog) == ["unreadable None"]


async def test_a_line_that_ends_the_program_each_time_is_given_up_on(world: World) -> None:
    """Whatever happens when it is sent, after some starts it is parked and the others flow."""
    one, two = await world.escalated(), await world.escalated()
    real: Any = world.desk.post
    ended = asyncio.Event()

    async def post(thread: Any, post: Any, keys: Any) -> Any:
        if "poison" in post.text:
            ended.set()
            await asyncio.Event().wait()
        return await real(thread, post, keys)

    world.desk.post = post  # type: ignore[method-assign]
    await world.says(one, "poison")
    starts = 0
    while not await world.relay.store.dead():
        await world.says(two, f"two {starts}")
        for _ in range(4):
            world.clock.advance(3)
            await world.settle(25)
        if ended.is_set():
            ended.clear()
            await world.restart()
        starts += 1
        assert starts < 30
    await world.pass_time(5)

    assert world.desk.words() == [f"two {number}" for number in range(starts)]


class Poison:
    """What ends the program when a call is about it; the next start is a restart of the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deaths = 0
        self._ended = asyncio.Event()

    def around(self, call: Any, about: Callable[..., bool]) -> Any:
        """Return the call, which never comes back when it is about the poison."""

        async def wrapped(*given: Any) -> Any:
            if about(*given):
                self._ended.set()
                await asyncio.Event().wait()
            return await call(*given)

        return wrapped

    async def passes(self, seconds: int) -> None:
        """Let time pass, and start the program again whenever it ended."""
        for _ in range(seconds):
            self.world.clock.advance(1)
            await self.world.settle(25)
            if self._ended.is_set():
                self._ended.clear()
                self.deaths += 1
                await self.world.restart()


async def test_a_question_that_ends_the_program_each_time_is_given_up_on(world: World) -> None:
    """After three starts it counts as a failure of the assistant: it is asked once more, and then
    a person comes. Others are answered all the while.
    """
    poison = Poison(world)
    world.assistant.answer = poison.around(  # type: ignore[method-assign]
        world.assistant.answer, lambda question, _: "poison" in question.turns[-1].text
    )
    one, two = await world.arrives(), await world.arrives()
    await world.says(one, "poison")
    for number in range(10):
        await world.says(two, f"hello {number}")
        await poison.passes(3)

    assert poison.deaths == 6
    assert (await world.conversation(one)).floor is Floor.WAITING
    assert [m.role for m in await world.messages(one)] == [Role.CUSTOMER, Role.SYSTEM]
    dead = await world.relay.store.dead()
    assert [(d.conversation_id, d.leg) for d in dead] == [(one, Leg.ASSISTANT)] * 2
    answers = [m.text for m in await world.messages(two) if m.role is Role.ASSISTANT]
    assert answers == [f"echo: hello {number}" for number in range(10)]


async def test_a_question_under_way_at_two_deaths_is_still_answered(world: World) -> None:
    """Whoever was asked while the program ended for other reasons is not to blame."""
    customer = await world.arrives()
    world.assistant.gate.clear()
    await world.says(customer, "hello")
    for attempts in (0, 1, 2):
        await world.settle(25)
        (asked,) = await world.relay.store.deliveries(None)
        assert asked.attempts == attempts
        if attempts < 2:
            await world.restart()
    world.assistant.gate.set()
    await world.pass_time(3)

    assert [m.text for m in await world.messages(customer)] == ["hello", "echo: hello"]
    assert await world.relay.store.deliveries(None) == ()


async def test_a_card_that_ends_the_program_each_time_is_given_up_on(world: World) -> None:
    """What is looked up at no desk is bounded as well; the words go on."""
    customer = await world.arrives()
    poison = Poison(world)
    world.desk.refresh = poison.around(world.desk.refresh, lambda *_: True)  # type: ignore[method-assign]
    await world.says(customer, "hello")
    await world.asks_for_person(customer)
    await poison.passes(60)

    assert 3 <= poison.deaths <= 10
    assert {d.leg for d in await world.relay.store.dead()} == {Leg.CARD}
    await world.says(customer, "are you there?")
    await world.settle()
    assert world.desk.words() == ["are you there?"]


async def test_a_question_the_database_kept_from_being_asked_is_asked(world: World) -> None:
    """Its conversation could not be read for some seconds: that is no failure of the assistant."""
    customer = await world.arrives()
    world.assistant.gate.clear()
    await world.says(customer, "one")
    await world.says(customer, "two")
    await world.settle(20)
    real = world.relay.store.load

    async def fails(*given: Any) -> Any:
        away = "away"
        raise StoreUnavailable(away)

    world.relay.store.load = fails  # type: ignore[method-assign,assignment]
    world.relay.inbox.forget(None)
    world.assistant.gate.set()
    await world.pass_time(10)
    world.relay.store.load = real  # type: ignore[method-assign]
    await world.pass_time(10)

    answers = [m.text for m in await world.messages(customer) if m.role is Role.ASSISTANT]
    assert sorted(answers) == ["echo: one", "echo: two"]
    assert await world.relay.store.dead() == ()
