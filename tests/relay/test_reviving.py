"""What was given up on and is tried again: never a second time what is already there."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.domain.delivery import Delivery, PostMessage
from bridge.domain.ids import ConversationId
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


async def dead_line(world: UnrulyWorld) -> Delivery:
    """Return the customer's line that was given up on."""
    [dead] = [d for d in await world.relay.store.dead() if isinstance(d.payload, PostMessage)]
    return dead


async def given_up_in_doubt(world: UnrulyWorld, troubles: list[str], blind: list[str]) -> Delivery:
    """Return a line that was given up on without knowing whether it arrived."""
    customer = await world.escalated()
    await world.settle()
    world.desk.troubles, world.desk.blind = troubles, blind
    await world.says(customer, "only once")
    await world.pass_time(QUITE_A_WHILE, step=2.0)
    world.desk.troubles, world.desk.blind = [], []
    return await dead_line(world)


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

    await world.relay.retry(dead.id)
    await world.pass_time(60)

    assert world.desk.words() == ["only once"]
    assert await world.relay.store.deliveries(None) == ()
