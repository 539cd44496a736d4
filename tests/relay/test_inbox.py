"""The inbox when the store or a neighbour misbehaves."""

import asyncio
from typing import Any

import pytest

from bridge.app.parts import ready
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import CustomerWrote, Declined, Duplicate, Taken
from bridge.domain.ids import ConversationId, PostRef
from bridge.ports.store import Loaded, Moved, Unstorable, Wanted, Write
from tests.world import World


async def test_news_during_a_read_do_not_make_a_conversation_unknown(world: World) -> None:
    """Memory is emptied while a batch waits for the database: it goes on with what it had."""
    known = await world.arrives()
    unknown = ConversationId("c_other")
    real, reading, gate = world.relay.store.load, asyncio.Event(), asyncio.Event()

    async def slow(wanted: Wanted) -> Loaded:
        reading.set()
        await gate.wait()
        return await real(wanted)

    world.relay.store.load = slow  # type: ignore[method-assign]
    both = asyncio.gather(world.says(unknown, "who am I?"), world.says(known, "hello"))
    await reading.wait()
    world.relay.inbox.forget(None)
    gate.set()
    refused, taken = await both

    assert isinstance(refused, Declined)
    assert refused.code == "unknown"
    assert isinstance(taken, Taken)


async def test_a_fact_the_database_refuses_does_not_take_its_neighbours_along(
    world: World,
) -> None:
    """The batch is stored fact by fact; only the bad one fails."""
    customer = await world.arrives()
    facts = [
        CustomerWrote(key=f"k{n}", at=world.clock.now(), conversation_id=customer, text=text)
        for n, text in enumerate(("good", "lone \ud800 surrogate", "good too"))
    ]
    found = await asyncio.gather(*(world.report(fact) for fact in facts), return_exceptions=True)
    await world.settle()

    assert [type(one) for one in found] == [Taken, Unstorable, Taken]
    texts = [m.text for m in await world.messages(customer)]
    assert "good too" in texts


async def test_nothing_is_acknowledged_while_the_database_is_away(world: World) -> None:
    """The sender hears that it must come again, /readyz says so too; the fact is then taken."""
    customer = await world.arrives()
    real = world.relay.store.commit

    async def away(write: Write) -> None:
        message = "gone"
        raise StoreUnavailable(message)

    world.relay.store.commit = away  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await world.says(customer, "hello", "one")
    assert not ready(world.relay)["store"].ready
    world.relay.store.commit = real  # type: ignore[method-assign]

    assert isinstance(await world.says(customer, "hello", "one"), Taken)
    assert ready(world.relay)["store"].ready
    assert [m.text for m in await world.messages(customer)][:1] == ["hello"]


async def test_a_settlement_the_database_missed_is_stored_later(world: World) -> None:
    """The post arrived but the record could not be written: it is written when the store is back,
    and nothing is posted twice.
    """
    customer = await world.escalated()
    real, refused = world.relay.store.commit, 0

    async def misses_settlements(write: Write) -> None:
        nonlocal refused
        if write.settled and not write.facts and refused < 3:
            refused += 1
            message = "gone"
            raise StoreUnavailable(message)
        await real(write)

    world.relay.store.commit = misses_settlements  # type: ignore[method-assign]
    await world.says(customer, "only once")
    await world.pass_time(10)
    waiting = await world.relay.store.deliveries(None)

    assert refused == 3
    assert world.desk.words() == ["only once"]
    assert waiting == ()


async def test_a_post_that_arrives_while_a_batch_is_tried_again_refuses_nobody(
    world: World,
) -> None:
    """A line comes twice beside a new one, and the post before them arrives between two tries: its
    lane is free in memory, and not yet in the database.
    """
    customer = await world.escalated()
    await world.settle()
    real, hanging = world.relay.store.commit, asyncio.Event()
    posting, post = asyncio.Event(), world.desk.post

    async def slow_post(*given: Any) -> PostRef:
        posting.set()
        await hanging.wait()
        return await post(*given)

    async def commit(write: Write) -> None:
        try:
            await real(write)
        except Moved:
            hanging.set()
            for _ in range(20):
                await asyncio.sleep(0)
            raise

    world.desk.post = slow_post  # type: ignore[method-assign,assignment]
    await world.says(customer, "one", "first")
    await posting.wait()
    world.relay.store.commit = commit  # type: ignore[method-assign]
    verdicts = await asyncio.gather(
        world.says(customer, "one", "first"), world.says(customer, "two", "second")
    )
    await world.settle()

    assert [type(verdict) for verdict in verdicts] == [Duplicate, Taken]
    assert world.relay.inbox.is_storing
    assert world.desk.words() == ["one", "two"]
