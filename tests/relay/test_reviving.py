"""What is tried again, by whomever: never a second time what is already there."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.delivery import Delivery, PostMessage, PostNotice
from bridge.domain.errors import Refused
from bridge.domain.facts import PersonAsked
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.posts import Post, PostKind
from bridge.relay.lanes import PROBE
from tests.relay.unruly import UnrulyWorld

LOOKS_FAIL = ["again"] * 9
QUITE_A_WHILE = 900.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[UnrulyWorld]:
    """A running bridge with an unruly desk."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        made = UnrulyWorld(Path(folder))
        async with made:
            yield made


async def dead_lines(world: UnrulyWorld) -> list[Delivery]:
    """Return the customers' lines that were given up on."""
    return [d for d in await world.relay.store.dead() if isinstance(d.payload, PostMessage)]


async def waiting_lines(world: UnrulyWorld) -> list[Delivery]:
    """Return the customers' lines that are not at the desk."""
    stored = await world.relay.store.deliveries(None)
    return [d for d in stored if isinstance(d.payload, PostMessage)]


async def given_up_in_doubt(world: UnrulyWorld, troubles: list[str], blind: list[str]) -> Delivery:
    """Return a line that was given up on without knowing whether it arrived."""
    customer = await world.escalated()
    await world.settle()
    world.desk.troubles, world.desk.blind = troubles, blind
    await world.says(customer, "only once")
    while not await world.relay.store.dead():
        await world.pass_time(2.0, step=2.0)
    world.desk.troubles, world.desk.blind = [], []
    [dead] = await dead_lines(world)
    return dead


@pytest.mark.parametrize(
    ("troubles", "blind"),
    [
        (["made"], LOOKS_FAIL),
        ([*["lost"] * 8, "made"], []),
    ],
)
async def test_what_may_have_arrived_is_looked_for_before_it_is_tried_again(
    world: UnrulyWorld, troubles: list[str], blind: list[str]
) -> None:
    """It was given up on because nobody could tell: it stands there once, whoever tries again."""
    dead = await given_up_in_doubt(world, troubles, blind)

    await world.relay.reviver.retry(dead.id)
    await world.pass_time(60)

    assert world.desk.words() == ["only once"]
    assert await world.relay.store.deliveries(None) == ()


async def test_a_fact_that_comes_late_does_not_shorten_the_wait(world: UnrulyWorld) -> None:
    """What follows from a fact of a minute ago left only now: its root, which shows late, is not
    made twice.
    """
    customer = await world.arrives()
    await world.says(customer, "hello")
    await world.settle()
    world.desk.troubles, world.desk.lag = ["made"], 4.5
    await world.report(
        PersonAsked(key="ask", at=world.clock.now() - 60, conversation_id=customer, source="button")
    )
    await world.pass_time(30)

    assert len(world.desk.roots) == 1


async def test_a_call_that_hung_is_waited_for_from_its_end(world: UnrulyWorld) -> None:
    """It had its effect after a minute, its answer was lost, and the post shows late: one root."""
    customer = await world.arrives()
    await world.says(customer, "hello")
    await world.settle()
    world.desk.troubles, world.desk.lag = ["made"], 4.5
    world.desk.gate.clear()
    await world.asks_for_person(customer)
    await world.pass_time(60, step=5.0)
    world.desk.gate.set()
    await world.pass_time(30)

    assert len(world.desk.roots) == 1


async def test_a_root_revived_beside_one_on_its_way_does_not_block_it(world: UnrulyWorld) -> None:
    """The program dies while the root of a second handoff is on its way and that of the first,
    refused once, waits behind it: there is one thread, with everything in it.
    """
    customer = await world.arrives()
    await world.says(customer, "hello")
    await world.settle()
    world.desk.troubles = ["refused"]
    await world.asks_for_person(customer)
    await world.settle()
    [dead] = await world.relay.store.dead()
    world.desk.gate.clear()
    await world.asks_for_person(customer)
    await world.settle()
    assert await world.relay.reviver.retry(dead.id)
    await world.crash()
    await world.start()
    world.desk.gate.set()
    await world.says(customer, "and more")
    await world.pass_time(120, step=2.0)

    assert len(world.desk.roots) == 1
    assert world.desk.words() == ["and more"]
    assert await world.relay.store.deliveries(None) == ()


class Room:
    """A desk whose room refuses every post as long as it is shut, and counts the lines refused."""

    def __init__(self, world: UnrulyWorld) -> None:
        self.world, self.shut, self.knocks = world, True, 0
        self.real: Any = world.desk.post
        world.desk.post = self.post  # type: ignore[method-assign]

    async def post(self, thread: ThreadRef, post: Post, keys: tuple[str, ...]) -> PostRef:
        """Refuse a post, or make it."""
        if not self.shut:
            return await self.real(thread, post, keys)  # type: ignore[no-any-return]
        self.knocks += post.kind is PostKind.MESSAGE
        why = "not_in_channel"
        raise Refused(why)


async def shut_out(world: UnrulyWorld, talks: int) -> tuple[Room, list[ConversationId]]:
    """Return a room that refuses the lines of some conversations, one dead line in each."""
    customers = [await world.escalated() for _ in range(talks)]
    room = Room(world)
    for number, customer in enumerate(customers):
        await world.says(customer, f"line {number}")
        await world.says(customer, f"more {number}")
    await world.settle()
    return room, customers


async def told(world: UnrulyWorld) -> int:
    """Return how often a teammate was to be told that a line could not be shown."""
    dead = [d.payload for d in await world.relay.store.dead()]
    return sum("could not be shown" in d.text for d in dead if isinstance(d, PostNotice))


async def test_a_room_that_takes_posts_again_is_noticed_unattended(world: UnrulyWorld) -> None:
    """Of three parked lanes one is tried in five minutes, without another word to anybody; when
    its line arrives, the others follow, in order and once each.
    """
    room, _ = await shut_out(world, 3)
    knocks, notices = room.knocks, await told(world)
    await world.pass_time(3 * PROBE + 30, step=5.0)
    assert room.knocks - knocks == 3
    assert await told(world) == notices == 3

    room.shut = False
    await world.pass_time(PROBE + 10, step=5.0)

    words = world.desk.words()
    assert sorted(words) == sorted(f"{what} {n}" for what in ("line", "more") for n in range(3))
    assert all(words.index(f"line {n}") < words.index(f"more {n}") for n in range(3))
    assert await waiting_lines(world) == []


async def test_after_a_start_a_room_is_tried_at_once(world: UnrulyWorld) -> None:
    """Whoever starts the bridge anew, with a new token perhaps, waits for no probe."""
    room, _ = await shut_out(world, 2)
    await world.crash()
    room.shut = False
    await world.start()
    await world.pass_time(15, step=5.0)

    assert len(world.desk.words()) == 4
    assert await waiting_lines(world) == []


async def test_what_may_end_the_program_is_not_probed(world: UnrulyWorld) -> None:
    """A line every attempt of which ended with the process waits for its operator."""
    customer = await world.escalated()
    for steps in range(9):
        if not steps:
            await world.says(customer, "poison")
        world.desk.gate.clear()
        await world.pass_time(20, step=2.0)
        await world.crash()
        await world.start()
    world.desk.gate.set()
    await world.pass_time(QUITE_A_WHILE, step=5.0)
    dead = await dead_lines(world)
    await world.pass_time(QUITE_A_WHILE, step=5.0)
    await world.restart()
    await world.pass_time(QUITE_A_WHILE, step=5.0)

    assert len(dead) == 1
    assert await dead_lines(world) == dead
