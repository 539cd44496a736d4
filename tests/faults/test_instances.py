"""Several instances on one database: one carries a lane, and a former owner sends nothing."""

import asyncio

import pytest

from bridge.domain.errors import TryAgain
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.shards import shard_of
from tests.faults.scenes import cut_off_renewals, let_leases_end, pass_time, worlds
from tests.world import World

pytestmark = pytest.mark.postgres


async def owner_and_other(pair: list[World], customer: ConversationId) -> tuple[World, World]:
    """Return the world that carries a conversation's lane to the desk, then the other."""
    found = await pair[0].relay.store.deliveries(None, (customer,))
    shard = shard_of(found[0])
    first, second = pair
    return (first, second) if shard in first.relay.inbox.owned else (second, first)


async def with_a_line_that_waits(pair: list[World]) -> tuple[ConversationId, World, World]:
    """Return a conversation whose next line is tried again in a while, and who will try."""
    customer = await pair[0].escalated()
    await pass_time(pair, 3)
    pair[0].desk.before.append(TryAgain("busy", 20.0))
    await pair[0].says(customer, "only once")
    await pass_time(pair, 2)
    owner, other = await owner_and_other(pair, customer)
    assert pair[0].desk.words() == []
    return customer, owner, other


@pytest.mark.fault("F40", "F63")
async def test_a_former_owner_sends_nothing(postgres_url: str) -> None:
    """An instance whose lease passed on while it slept finds that out before it sends."""
    async with worlds(postgres_url, 2) as pair:
        _, owner, other = await with_a_line_that_waits(pair)
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await other.relay.store.tenure()
        owner.desk.calls.clear()
        await pass_time(pair, 40)

        assert owner.desk.calls == []
        assert owner.desk.words() == ["only once"]


@pytest.mark.fault("F40")
async def test_a_call_that_fails_after_its_lane_moved_on_harms_nobody(postgres_url: str) -> None:
    """The lane went to another instance while a call was under way; that call then fails."""
    async with worlds(postgres_url, 2) as pair:
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        gate = asyncio.Event()

        async def hangs_then_fails(*given: object) -> PostRef:
            await gate.wait()
            raise TryAgain("busy", 1.0)

        real = [world.desk.post for world in pair]
        for world in pair:
            world.desk.post = hangs_then_fails  # type: ignore[method-assign,assignment]
        await pair[0].says(customer, "only once")
        await pass_time(pair, 2)
        for world, post in zip(pair, real, strict=True):
            world.desk.post = post  # type: ignore[method-assign]
        owner, other = await owner_and_other(pair, customer)
        await let_leases_end(postgres_url)
        await other.relay.store.tenure()
        await pass_time(pair, 4)
        gate.set()
        await pass_time(pair, 30)

        assert owner.desk.words() == ["only once"]
        assert all(world.relay.courier.waiting() == 0 for world in pair)
