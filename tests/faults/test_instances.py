"""Several instances on one database: one carries a lane, and a former owner sends nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.errors import TryAgain
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.shards import shard_of, shard_of_conversation
from tests.faults.scenes import (
    cut_off_everything,
    cut_off_renewals,
    let_leases_end,
    pass_time,
    worlds,
)
from tests.proof.harness import Proof
from tests.servers.slack import RateLimit
from tests.storage.things import conversation, delivery
from tests.world import World

pytestmark = pytest.mark.postgres


async def owner_and_other(pair: list[World], customer: ConversationId) -> tuple[World, World]:
    """Return the world that carries a conversation's lane to the desk, then the other."""
    found = await pair[0].relay.store.deliveries(None, (customer,))
    shard = shard_of(found[0])
    first, second = pair
    return (first, second) if shard in first.relay.inbox.owned else (second, first)


async def with_a_line_that_waits(
    pair: list[World], seconds: float = 20.0
) -> tuple[ConversationId, World, World]:
    """Return a conversation whose next line is tried again in a while, and who will try."""
    customer = await pair[0].escalated()
    await pass_time(pair, 3)
    pair[0].desk.before.append(TryAgain("busy", seconds))
    await pair[0].says(customer, "only once")
    await pass_time(pair, 2)
    owner, other = await owner_and_other(pair, customer)
    assert pair[0].desk.words() == []
    return customer, owner, other


@pytest.mark.fault("F40", "F63")
@pytest.mark.parametrize("cut_off", [cut_off_renewals, cut_off_everything])
async def test_a_former_owner_sends_nothing(
    postgres_url: str, cut_off: Callable[[World], None]
) -> None:
    """An instance whose lease passed on, while it slept or was cut off from the database, finds
    that out before it sends; the other sends, once.
    """
    async with worlds(postgres_url, 2) as pair:
        _, owner, other = await with_a_line_that_waits(pair)
        cut_off(owner)
        await let_leases_end(postgres_url)
        await other.relay.store.tenure()
        owner.desk.calls.clear()
        await pass_time(pair, 40)

        assert owner.desk.calls == []
        assert owner.desk.words() == ["only once"]


@pytest.mark.fault("F40")
async def test_an_attempt_that_is_refused_for_its_lease_does_not_leave(postgres_url: str) -> None:
    """An owner that is still sure of its lease hears from the database that it has passed on."""
    async with worlds(postgres_url, 2) as pair:
        _, owner, other = await with_a_line_that_waits(pair, 6.0)
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await other.relay.store.tenure()
        owner.desk.calls.clear()
        await pass_time(pair, 10)

        assert owner.relay.inbox.owned_until > owner.clock.monotonic() - 10
        assert owner.desk.calls == []
        assert owner.desk.words() == ["only once"]


@pytest.mark.fault("F63")
async def test_an_attempt_that_outlasts_its_lease_does_not_leave(postgres_url: str) -> None:
    """The database took it and answers when the lease may be over: the line waits until the lease
    is sure again, and is then carried by whoever has it.
    """
    async with worlds(postgres_url, 2) as pair:
        _, owner, _ = await with_a_line_that_waits(pair, 6.0)
        store, gate = owner.relay.store, asyncio.Event()
        renew, commit = store.tenure, store.commit

        async def stores_and_lingers(write: Any) -> None:
            await commit(write)
            await gate.wait()

        cut_off_renewals(owner)
        store.commit = stores_and_lingers  # type: ignore[method-assign]
        await pass_time(pair, 24)
        owner.desk.calls.clear()
        gate.set()
        await pass_time(pair, 2)
        assert owner.desk.calls == []
        store.tenure = renew  # type: ignore[method-assign]
        await pass_time(pair, 20)

        assert owner.desk.words() == ["only once"]


@pytest.mark.fault("F63")
async def test_nothing_begins_under_a_lease_that_may_end_first(postgres_url: str) -> None:
    """An owner that cannot renew holds its calls back, and goes on when it can again."""
    async with worlds(postgres_url, 1) as (world,):
        customer = await world.escalated()
        renew = world.relay.store.tenure
        cut_off_renewals(world)
        await pass_time([world], 20)
        await world.says(customer, "held back")
        await pass_time([world], 2)
        assert world.desk.words() == []
        world.relay.store.tenure = renew  # type: ignore[method-assign]
        await pass_time([world], 10)
        assert world.desk.words() == ["held back"]
        # Nothing had begun that would have to be looked for first.
        assert "find" not in world.desk.calls


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


@pytest.mark.fault("F62")
async def test_five_instances_carry_one_lane_once_and_in_order(postgres_url: str) -> None:
    """Lines of one conversation come in through five instances; one of them sends each, once."""
    async with worlds(postgres_url, 5) as five:
        customer = await five[0].escalated()
        await pass_time(five, 3)
        for number in range(30):
            await five[number % 5].says(customer, f"line {number}", f"id{number}")
        await pass_time(five, 6)

        assert five[0].desk.words() == [f"line {number}" for number in range(30)]
        assert len(five[0].desk.roots) == 1
        assert sum("post" in world.desk.calls for world in five) == 1


@pytest.mark.fault("F62")
async def test_news_that_is_read_late_lets_nothing_overtake(postgres_url: str) -> None:
    """While the owner reads what another instance stored, that one stores more, and then the owner
    itself: its own line waits for all before it.
    """
    async with worlds(postgres_url, 2) as pair:
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        room = shard_of(delivery(conversation(), 1, desk="memory", room="support"))
        owner = next(world for world in pair if room in world.relay.inbox.owned)
        other = next(world for world in pair if world is not owner)
        gate, reading, read = asyncio.Event(), asyncio.Event(), owner.relay.store.deliveries

        async def reads_and_lingers(*asked: Any) -> Any:
            found = await read(*asked)
            reading.set()
            await gate.wait()
            return found

        owner.relay.store.deliveries = reads_and_lingers  # type: ignore[method-assign,assignment]
        await other.says(customer, "line 0", "id0")
        await asyncio.wait_for(reading.wait(), 5)
        await other.says(customer, "line 1", "id1")
        await owner.says(customer, "line 2", "id2")
        gate.set()
        await pass_time(pair, 6)

        assert owner.desk.words() == ["line 0", "line 1", "line 2"]


@pytest.mark.fault("F65")
@pytest.mark.parametrize("is_dead", [True, False])
async def test_a_timer_whose_owner_dies_rings_once(postgres_url: str, is_dead: bool) -> None:
    """Dead, or alive and out of its lease: reminders come once each, and one end of the wait."""
    async with worlds(postgres_url, 2) as pair:
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        shard = shard_of_conversation(customer)
        owner = next(world for world in pair if shard in world.relay.inbox.owned)
        other = next(world for world in pair if world is not owner)
        cut_off_renewals(owner)
        if is_dead:
            await owner.crash()
        await let_leases_end(postgres_url)
        left = [other] if is_dead else pair
        await pass_time(left, 1200, step=10)

        conversation = await other.conversation(customer)
        texts = [message.text for message in await other.messages(customer)]
        if is_dead:
            await owner.start()
    assert conversation.floor is Floor.ASSISTANT
    assert sum("waiting" in notice for notice in other.desk.notices()) == 2
    assert sum("e-mail" in text for text in texts) == 1
    assert len(other.desk.roots) == 1


class LimitedProof(Proof):
    """Bridges that keep to a limit of their room."""

    def environment(self) -> dict[str, str]:
        """Return the settings of every bridge."""
        return super().environment() | {"HANDOFF_SLACK_POSTS_PER_SECOND": str(POSTS)}


POSTS = 10


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.fault("F64")
async def test_three_instances_keep_one_rooms_budget(tmp_path: Path, postgres_url: str) -> None:
    """However many take the words, the room gets no more than its rate: Slack refuses at most one
    call in a hundred.
    """
    proof = LimitedProof(postgres_url, tmp_path, instances=3)
    proof.slack.posting = RateLimit(POSTS, burst=2)
    async with proof.running():
        await proof.begin(8)
        before = proof.slack.state.calls["chat.postMessage"], proof.slack.posting.refused
        for _ in range(12):
            async with asyncio.TaskGroup() as writing:
                for talk in proof.talks:
                    writing.create_task(proof.customer_writes(talk, 1))
            await asyncio.sleep(0.5)
        problems = await proof.problems()
        calls = proof.slack.state.calls["chat.postMessage"] - before[0]
        refused = proof.slack.posting.refused - before[1]
    assert problems == []
    # Enough to speak of a share; how many lines share a post depends on how slow the machine is.
    assert calls >= 40
    assert refused <= calls / 100
