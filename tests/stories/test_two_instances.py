"""Two instances on one PostgreSQL: whoever takes a fact, the order and the count stay right."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.domain.facts import Duplicate, Taken
from bridge.domain.handoff import State
from bridge.domain.policy import default_policy
from storage import open_store
from tests.clocks import HandClock
from tests.world import BOB, World, the_rules

pytestmark = pytest.mark.postgres


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[World, World]]:
    """Two running bridges that share the database, the desk and the clock."""
    clock = HandClock()
    first = World(lambda: open_store(postgres_url), the_rules(default_policy()), clock)
    second = World(lambda: open_store(postgres_url), the_rules(default_policy()), clock)
    first.rules = second.rules = the_rules(default_policy(), first.desk)
    second.desk, second.assistant = first.desk, first.assistant
    async with first, second:
        await both(first, second, 12)
        yield first, second


async def both(first: World, second: World, seconds: float = 3.0) -> None:
    """Let time pass for both, and news travel between them."""
    for _ in range(int(seconds)):
        first.clock.advance(1.0)
        await first.settle()
        await second.settle()
        await asyncio.sleep(0.05)


async def test_the_shards_are_divided(pair: tuple[World, World]) -> None:
    """Every shard has one owner, and both have some."""
    first, second = (set(world.relay.inbox.owned) for world in pair)

    assert not first & second
    assert len(first | second) == 64
    assert min(len(first), len(second)) >= 16


async def test_lines_taken_by_both_stand_in_order_once(pair: tuple[World, World]) -> None:
    """Six conversations, lines through either instance, each lane in order."""
    first, second = pair
    customers = []
    for _ in range(6):
        customer = await first.arrives()
        await first.asks_for_person(customer)
        customers.append(customer)
    await both(first, second)
    for number in range(10):
        for place, customer in enumerate(customers):
            world = pair[(number + place) % 2]
            await world.says(customer, f"{customer} {number}", f"id{number}")
    await both(first, second, 8)

    words = first.desk.words()
    for customer in customers:
        mine = [w for w in words if w.startswith(f"{customer} ")]
        assert mine == [f"{customer} {number}" for number in range(10)]
    assert len(first.desk.roots) == 6


async def test_a_fact_given_to_both_at_once_is_taken_once(pair: tuple[World, World]) -> None:
    """The same client id through two instances in the same moment."""
    first, second = pair
    customer = await first.arrives()
    for number in range(5):
        verdicts = await asyncio.gather(
            first.says(customer, "hello", f"same{number}"),
            second.says(customer, "hello", f"same{number}"),
        )
        assert sorted(type(v).__name__ for v in verdicts) == ["Duplicate", "Taken"]
        taken = next(v for v in verdicts if isinstance(v, Taken))
        copy = next(v for v in verdicts if isinstance(v, Duplicate))
        assert (copy.ref, copy.seq) == (taken.ref, taken.seq)


@pytest.mark.fault("F82")
async def test_two_claims_through_two_instances_leave_one_owner(
    pair: tuple[World, World],
) -> None:
    """Both teammates answer in the same moment: one handoff, one owner, both replies shown."""
    first, second = pair
    customer = await first.escalated()
    await both(first, second)
    await asyncio.gather(
        first.replies(customer, "I take it", key="a"),
        second.replies(customer, "Me too", key="b", author=BOB),
    )
    await both(first, second)

    for world in pair:
        handoff = (await world.conversation(customer)).handoff
        assert handoff is not None
        assert handoff.state is State.ACTIVE
        assert handoff.owner is not None
    owners = {(await w.conversation(customer)).handoff.owner.name for w in pair}  # type: ignore[union-attr]
    assert len(owners) == 1


async def test_when_one_goes_the_other_takes_over_its_lanes(pair: tuple[World, World]) -> None:
    """What waited at the one that went is carried by the other, in order."""
    first, second = pair
    customer = await first.escalated()
    await both(first, second)
    for number in range(3):
        await first.says(customer, f"line {number}", f"id{number}")
    await first.crash()
    for number in range(3, 6):
        await second.says(customer, f"line {number}", f"id{number}")
    await both(second, second, 20)
    words = second.desk.words()
    await first.start()

    assert words == [f"line {number}" for number in range(6)]
