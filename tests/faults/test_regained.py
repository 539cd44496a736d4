"""Shards that come back to an instance, and look-ups that fail while they are taken over."""

import asyncio
from typing import Any

import pytest

from bridge.domain.errors import StoreUnavailable
from tests.faults.scenes import cut_off_renewals, let_leases_end, pass_time, worlds
from tests.faults.test_instances import with_a_line_that_waits

pytestmark = pytest.mark.postgres


@pytest.mark.fault("F40", "F63")
async def test_a_shard_that_came_back_is_read_anew(postgres_url: str) -> None:
    """What another instance sent in between is not sent by who had it before and has it again."""
    async with worlds(postgres_url, 2) as pair:
        _, owner, other = await with_a_line_that_waits(pair)
        renew = owner.relay.store.tenure
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await pass_time(pair, 6)
        assert owner.desk.words() == ["only once"]

        await other.crash()
        owner.relay.store.tenure = renew  # type: ignore[method-assign]
        await pass_time([owner], 40)

        assert owner.desk.words() == ["only once"]
        await other.start()


@pytest.mark.fault("F62")
async def test_a_read_that_fails_while_taking_over_is_made_again(postgres_url: str) -> None:
    """One failed look-up leaves no shard without somebody who sends."""
    async with worlds(postgres_url, 2) as pair:
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        await pair[0].says(customer, "first")
        await pass_time(pair, 3)
        owner, other = sorted(pair, key=lambda world: "post" not in world.desk.calls)
        before, real = set(other.relay.inbox.owned), other.relay.store.deliveries
        failed = asyncio.Event()

        async def fails_once(shards: Any, *more: Any) -> Any:
            if not more and not failed.is_set() and set(shards) - before:
                failed.set()
                raise StoreUnavailable("a stale connection")
            return await real(shards, *more)

        other.relay.store.deliveries = fails_once  # type: ignore[assignment,method-assign]
        await owner.crash()
        await pass_time([other], 10)
        assert failed.is_set()
        await other.says(customer, "second")
        await pass_time([other], 30)

        assert other.desk.words() == ["first", "second"]
        await owner.start()
