"""A shard passes on, or comes back, while an instance is in the middle of something."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.delivery import Leg
from bridge.domain.errors import Refused, StoreUnavailable, TryAgain
from bridge.domain.facts import Verb
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.rules import Place
from bridge.domain.shards import SHARDS, shard_of
from tests.faults.scenes import cut_off_renewals, let_leases_end, one_world, pass_time, worlds
from tests.storage.things import conversation, delivery
from tests.world import FreePacer, World


def shard_of_room(room: str = "support") -> int:
    """Return the shard of everything that goes to a room of the memory desk."""
    return shard_of(delivery(conversation(), 1, desk="memory", room=room))


def owner_and_other(pair: list[World], room: str = "support") -> tuple[World, World]:
    """Return who carries what goes to a room, then the other."""
    first, second = pair
    owns = shard_of_room(room) in first.relay.inbox.owned
    return (first, second) if owns else (second, first)


@dataclass(slots=True)
class Lingering:
    """A call that has its answer and does not give it before the gate is open."""

    call: Callable[..., Any]
    began: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, *given: Any) -> Any:
        """Call, and linger."""
        found = await self.call(*given)
        self.began.set()
        await self.gate.wait()
        return found


async def stays_cut_off(pair: list[World], owner: World, other: World) -> None:
    """The former owner hears nothing."""
    del owner, other
    await pass_time(pair, 1)


async def hears_of_it(pair: list[World], owner: World, other: World) -> None:
    """The former owner renews its other leases, and learns that this one is gone."""
    del other, owner.relay.store.tenure
    await pass_time(pair, 4)
    assert shard_of_room() not in owner.relay.inbox.owned


async def has_it_back(pair: list[World], owner: World, other: World) -> None:
    """The new owner has died, and the former one is the owner again."""
    del pair, owner.relay.store.tenure
    await other.crash()
    await pass_time([owner], 40)
    await other.start()
    assert shard_of_room() in owner.relay.inbox.owned


@pytest.mark.postgres
@pytest.mark.fault("F40", "F63")
@pytest.mark.parametrize("meanwhile", [stays_cut_off, hears_of_it, has_it_back])
@pytest.mark.parametrize("read", ["history", "load"])
async def test_a_call_does_not_leave_when_its_lane_passed_on_while_it_was_read_for(
    postgres_url: str, read: str, meanwhile: Callable[..., Any]
) -> None:
    """The instance stands still between marking a post and making it; another one makes it."""
    async with worlds(postgres_url, 2) as pair:
        owner, other = owner_and_other(pair)
        customer = await other.escalated() if read == "load" else None
        await pass_time(pair, 3)
        lingering = Lingering(getattr(owner.relay.store, read))
        setattr(owner.relay.store, read, lingering)
        await (other.says(customer, "a line") if customer else other.escalated())
        await pass_time(pair, 3)
        assert lingering.began.is_set()
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await pass_time(pair, 40)
        made = [kept.keys for kept in owner.desk.posts]
        await meanwhile(pair, owner, other)
        lingering.gate.set()
        await pass_time(pair, 20)

        assert len(set(made)) == len(made) > 1
        assert [kept.keys for kept in owner.desk.posts] == made


@pytest.mark.postgres
@pytest.mark.fault("F40")
async def test_a_former_owner_leaves_the_card_alone(postgres_url: str) -> None:
    """What it read for the card is old by now."""
    async with worlds(postgres_url, 2) as pair:
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        owner, other = owner_and_other(pair)
        lingering = Lingering(owner.relay.store.history)
        owner.relay.store.history = lingering  # type: ignore[method-assign,assignment]
        await other.clicks(customer, Verb.CLAIM)
        await pass_time(pair, 3)
        assert lingering.began.is_set()
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await pass_time(pair, 10)
        await other.clicks(customer, Verb.RESOLVE)
        await pass_time(pair, 20)
        card = owner.desk.roots[0].card
        assert card is not None
        assert not card.is_open
        lingering.gate.set()
        await pass_time(pair, 20)

        assert owner.desk.roots[0].card == card


def posts_and_cannot_say_so(world: World) -> None:
    """Let the next post be the last thing that an instance does."""
    posts = world.desk.post

    async def post(*given: Any) -> PostRef:
        made = await posts(*given)
        world.relay.store.commit = fails  # type: ignore[method-assign,assignment]
        return made

    async def fails(*given: Any) -> None:
        raise StoreUnavailable("nobody answers")

    world.desk.post = post  # type: ignore[method-assign,assignment]


@pytest.mark.postgres
@pytest.mark.fault("F63")
async def test_what_was_fresh_before_its_shard_was_lost_is_looked_for(postgres_url: str) -> None:
    """A new line waits for its turn; another owner posts it and dies before that is stored."""
    async with worlds(postgres_url, 2) as pair:
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        owner, other = owner_and_other(pair)
        await owner.says(customer, "before", "w1")
        await pass_time(pair, 3)
        gate = asyncio.Event()

        class Waits(FreePacer):
            async def turn(self, room: str, turn: Any) -> None:
                del room, turn
                await gate.wait()

        owner.desk.pacer = Waits()
        posts_and_cannot_say_so(other)
        await owner.says(customer, "only once", "w2")
        await pass_time(pair, 1)
        renew = owner.relay.store.tenure
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await pass_time(pair, 40)
        assert "only once" in owner.desk.words()
        await other.crash()
        owner.relay.store.tenure = renew  # type: ignore[method-assign]
        await pass_time([owner], 40)
        gate.set()
        await pass_time([owner], 20)

        assert owner.desk.words() == ["before", "only once"]
        await other.start()


@pytest.mark.postgres
@pytest.mark.fault("F62")
async def test_what_was_held_back_for_a_shard_goes_with_it(postgres_url: str) -> None:
    """Taking over fails half-way, a line is held back for it, and the former owner goes on."""
    room = next(name for n in range(999) if shard_of_room(name := f"r{n}") > SHARDS - 10)
    async with worlds(postgres_url, 2) as pair:
        for world in pair:
            world.rules = replace(world.rules, places=(Place("memory", room),))
        customer = await pair[0].escalated()
        await pass_time(pair, 3)
        former, taker = owner_and_other(pair, room)
        await taker.says(customer, "before", "w1")
        await pass_time(pair, 3)
        reads, failed = taker.relay.store.deliveries, asyncio.Event()

        async def fails(shards: Any, *more: Any) -> Any:
            if not more and shard_of_room(room) in shards:
                failed.set()
                raise StoreUnavailable("a stale connection")
            return await reads(shards, *more)

        taker.relay.store.deliveries = fails  # type: ignore[assignment,method-assign]
        cut_off_renewals(former)
        await let_leases_end(postgres_url)
        while not failed.is_set():
            await pass_time(pair, 1)
        await taker.says(customer, "only once", "w2")
        await pass_time(pair, 1)
        del former.relay.store.tenure
        # Right now: a round later it would be the taker who gains it.
        await former.relay._chores._renew()  # type: ignore[union-attr] # noqa: SLF001
        taker.relay.store.deliveries = reads  # type: ignore[method-assign]
        await pass_time(pair, 20)
        assert shard_of_room(room) in former.relay.inbox.owned
        await former.crash()
        await pass_time([taker], 60)

        assert taker.desk.words() == ["before", "only once"]
        await former.start()


@pytest.mark.fault("F40")
async def test_a_lane_that_is_lost_once_is_read_again_with_all_that_waits(tmp_path: Path) -> None:
    """The last look at the lease fails once: what stood behind the head comes too, in order."""
    async with one_world(tmp_path) as world:
        customer = await world.escalated()
        await world.pass_time(3)
        carrier: Any = world.relay.courier._carriers[Leg.DESK]  # noqa: SLF001
        looks = iter([False])
        carrier._is_ours = lambda _: next(looks, True)  # noqa: SLF001
        for number in range(3):
            await world.says(customer, f"line {number}")
        await world.pass_time(60)

        assert world.desk.words() == ["line 0", "line 1", "line 2"]
        assert next(looks, None) is None


@pytest.mark.fault("F40")
async def test_a_line_that_dies_while_its_shard_is_lost_holds_nothing_up_in_silence(
    tmp_path: Path,
) -> None:
    """Its death could not be stored: it is tried again, and then dies for all to see or arrives."""
    async with one_world(tmp_path) as world:
        customer = await world.escalated()
        await world.pass_time(3)
        posts, lingering = world.desk.post, Lingering(world.relay.store.load)

        async def refuses(*given: Any) -> PostRef:
            del given
            world.relay.inbox.forget(None)
            world.relay.store.load = lingering  # type: ignore[method-assign,assignment]
            world.desk.post = posts  # type: ignore[method-assign]
            raise Refused("not this")

        world.desk.post = refuses  # type: ignore[method-assign,assignment]
        await world.says(customer, "a line")
        await asyncio.wait_for(lingering.began.wait(), 5)
        await lose_for_a_round(world)
        lingering.gate.set()
        await world.pass_time(60)
        await world.says(customer, "next")
        await world.pass_time(60)

        assert world.desk.words() == ["a line", "next"]


async def lose_for_a_round(world: World) -> None:
    """Let a shard be noticed as lost and gained anew, while somebody waits for the store."""
    world.relay.inbox.owned.pop(shard_of_room(), None)
    world.clock.advance(3.1)
    await asyncio.wait_for(world.relay.inbox.renewed.wait(), 5)
    await asyncio.sleep(0.05)
    assert shard_of_room() in world.relay.inbox.owned


@pytest.mark.fault("F40")
async def test_an_attempt_that_ends_after_its_lane_was_read_anew_changes_nothing(
    tmp_path: Path,
) -> None:
    """What the other owner left in doubt is looked for, whatever came of an older attempt."""
    async with one_world(tmp_path) as world:
        customer = await world.escalated()
        await world.pass_time(3)
        gate, posts = asyncio.Event(), world.desk.post

        async def posts_and_is_told_to_wait(*given: Any) -> PostRef:
            world.desk.post = posts  # type: ignore[method-assign]
            await gate.wait()
            # As the other owner does meanwhile, who dies before that is stored.
            await posts(*given)
            raise TryAgain("busy", 1.0)

        world.desk.post = posts_and_is_told_to_wait  # type: ignore[method-assign,assignment]
        await world.says(customer, "only once")
        await world.settle(20)
        await lose_for_a_round(world)
        gate.set()
        await world.pass_time(60)

        assert world.desk.words() == ["only once"]


@pytest.mark.fault("F40")
async def test_an_attempt_of_an_older_lease_leaves_the_new_one_alone(tmp_path: Path) -> None:
    """It finds its lane read anew: that is no reason to give the shard up, which is good."""
    async with one_world(tmp_path) as world:
        customer = await world.arrives()
        await world.says(customer, "hello")
        await world.settle()
        lingering, reads = Lingering(world.relay.store.history), world.relay.store.history
        world.relay.store.history = lingering  # type: ignore[method-assign,assignment]
        await world.asks_for_person(customer)
        await asyncio.wait_for(lingering.began.wait(), 5)
        await lose_for_a_round(world)
        world.relay.store.history = reads  # type: ignore[method-assign]
        lingering.gate.set()
        await asyncio.sleep(0.1)
        assert shard_of_room() in world.relay.inbox.owned
        await world.pass_time(60)

        assert len(world.desk.roots) == 1


def two_slow_commits(world: World) -> tuple[Lingering, Lingering]:
    """Let the next two commits answer late."""
    commits = world.relay.store.commit
    first, second = Lingering(commits), Lingering(commits)
    turns = iter([first, second])

    async def in_turn(write: Any) -> None:
        await next(turns, commits)(write)

    world.relay.store.commit = in_turn  # type: ignore[method-assign]
    return first, second


@pytest.mark.fault("F40")
async def test_an_end_that_is_declined_while_its_shard_is_read_anew_is_looked_up(
    tmp_path: Path,
) -> None:
    """The root stands and could not be recorded, and the shard is gained again meanwhile."""
    async with one_world(tmp_path) as world:
        bystander, customer = await world.arrives(), await world.arrives()
        await world.says(customer, "hello")
        await world.settle()
        opening = Lingering(world.desk.open_thread)
        world.desk.open_thread = opening  # type: ignore[method-assign,assignment]
        await world.asks_for_person(customer)
        await asyncio.wait_for(opening.began.wait(), 5)
        first, second = two_slow_commits(world)
        said = [asyncio.ensure_future(world.says(bystander, "one"))]
        await asyncio.wait_for(first.began.wait(), 5)
        opening.gate.set()
        await asyncio.sleep(0.02)
        said.append(asyncio.ensure_future(world.says(bystander, "two")))
        await asyncio.sleep(0.02)
        # As another lane of the room does that finds its lease gone.
        world.relay.inbox.owned.pop(shard_of_room())
        first.gate.set()
        await asyncio.wait_for(second.began.wait(), 5)
        await lose_for_a_round(world)
        second.gate.set()
        await asyncio.gather(*said)
        await world.pass_time(60, step=6)
        await world.says(customer, "a line")
        await world.pass_time(60, step=6)

        assert len(world.desk.roots) == 1
        assert world.desk.words() == ["a line"]


async def is_told_to_wait_behind_a_commit(
    owner: World, customer: ConversationId, bystander: ConversationId
) -> asyncio.Event:
    """Let an attempt end while a commit stands still until the event that is returned."""
    posts, at_desk, answered = owner.desk.post, asyncio.Event(), asyncio.Event()
    commits, slow = owner.relay.store.commit, asyncio.Event()

    async def is_told_to_wait(*given: Any) -> PostRef:
        del given
        at_desk.set()
        await answered.wait()
        owner.desk.post = posts  # type: ignore[method-assign]
        raise TryAgain("busy", 1.0)

    async def stands(write: Any) -> None:
        await slow.wait()
        await commits(write)

    owner.desk.post = is_told_to_wait  # type: ignore[method-assign,assignment]
    await owner.says(customer, "only once", "w1")
    await asyncio.wait_for(at_desk.wait(), 5)
    owner.relay.store.commit = stands  # type: ignore[method-assign]
    owner.spawn(said(owner, bystander), "bystander")
    await asyncio.sleep(0.05)
    answered.set()
    await asyncio.sleep(0.05)
    return slow


async def said(world: World, customer: ConversationId) -> None:
    """A customer writes, and waits until that is taken."""
    await world.says(customer, "hello", "w2")


@pytest.mark.postgres
@pytest.mark.fault("F40")
async def test_a_step_of_an_older_lease_is_not_stored_under_a_newer_one(postgres_url: str) -> None:
    """Told to wait, it could not say so before the shard had been somebody else's."""
    async with worlds(postgres_url, 2) as pair:
        customer, bystander = await pair[0].escalated(), await pair[0].arrives()
        await pass_time(pair, 3)
        owner, other = owner_and_other(pair)
        slow = await is_told_to_wait_behind_a_commit(owner, customer, bystander)
        posts_and_cannot_say_so(other)
        renew = owner.relay.store.tenure
        cut_off_renewals(owner)
        await let_leases_end(postgres_url)
        await pass_time([other], 40)
        assert other.desk.words() == ["only once"]
        await other.crash()
        reads, reading = owner.relay.store.deliveries, asyncio.Event()

        async def reads_late(*given: Any) -> Any:
            await reading.wait()
            return await reads(*given)

        owner.relay.store.deliveries = reads_late  # type: ignore[method-assign,assignment]
        owner.relay.store.tenure = renew  # type: ignore[method-assign]
        await let_leases_end(postgres_url)
        for _ in range(40):
            owner.clock.advance(1)
            await asyncio.sleep(0.02)
        assert shard_of_room() in owner.relay.inbox.owned
        slow.set()
        await asyncio.sleep(0.2)
        reading.set()
        await pass_time([owner], 60)

        assert owner.desk.words() == ["only once"]
        await other.start()
