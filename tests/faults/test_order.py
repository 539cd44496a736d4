"""Order: a head that fails, a head that never goes, a crowd of lines, two who mend at once."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.delivery import Progress
from bridge.domain.errors import DeliveryError, Refused, TryAgain
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.messages import Message, Role
from bridge.relay.desk_carrier import MOST_MERGED
from tests.faults.scenes import one_world
from tests.world import World, the_rules


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running bridge with a hand-moved clock."""
    async with one_world(tmp_path) as made:
        yield made


def fail_while(world: World, wrong: Callable[[str], DeliveryError | None]) -> None:
    """Let the desk refuse posts by their words."""
    original: Any = world.desk.post

    async def post(thread: Any, post: Any, keys: Any) -> Any:
        problem = wrong(post.text)
        if problem is not None:
            raise problem
        return await original(thread, post, keys)

    world.desk.post = post  # type: ignore[method-assign]


def words_with(world: World, begin: str) -> list[str]:
    """Return the lines in the room that begin so, in the order they stand."""
    return [word for word in world.desk.words() if word.startswith(begin)]


async def log_of(world: World, customer: ConversationId) -> list[Message]:
    """Return the customer's log as two pages read by cursor show it, by seq."""
    board = world.relay.board
    begin, more = await board.messages(customer, 0, 7)
    rest, _ = await board.messages(customer, begin[-1].cursor if more else 0, 10_000)
    seen = {message.id: message for message in (*begin, *rest)}
    return sorted(seen.values(), key=lambda message: message.seq)


async def test_one_call_at_a_time_on_a_lane(world: World) -> None:
    """However long it takes, and whatever else is said meanwhile."""
    customer = await world.escalated()
    await world.pass_time(3)
    gate, posts, calls = asyncio.Event(), world.desk.post, 0

    async def takes_long(*given: Any) -> PostRef:
        nonlocal calls
        calls += 1
        await gate.wait()
        return await posts(*given)

    world.desk.post = takes_long  # type: ignore[method-assign,assignment]
    for number in range(3):
        await world.says(customer, f"line {number}")
        await world.pass_time(20, step=5)
        assert calls == 1
    gate.set()
    await world.pass_time(10)
    assert world.desk.words() == ["line 0", "line 1", "line 2"]


@pytest.mark.fault("F29")
async def test_a_head_that_fails_five_times_holds_up_its_own_lane_only(world: World) -> None:
    """Twenty lines wait in order behind it, while another conversation's lines go at once."""
    slow, quick = await world.escalated(), await world.escalated()
    failures = [TryAgain("busy") for _ in range(5)]
    fail_while(world, lambda text: failures.pop() if "slow 0" in text and failures else None)
    for number in range(21):
        await world.says(slow, f"slow {number}")
    for number in range(5):
        # Waiting takes time, and the clock stands still.
        await world.says(quick, f"quick {number}")
        await world.settle(60)
        assert words_with(world, "quick") == [f"quick {n}" for n in range(number + 1)]
    assert words_with(world, "slow") == []
    await world.pass_time(40, step=4)

    assert failures == []
    assert words_with(world, "slow") == [f"slow {number}" for number in range(21)]


@pytest.mark.fault("F30")
@pytest.mark.parametrize("verb", ["retry", "skip"])
async def test_a_head_that_never_goes_parks_its_lane_until_it_is_mended(
    world: World, verb: str
) -> None:
    """Within fifteen minutes it is given up on, which stands in the thread; nothing overtakes it;
    tried again all goes in order, skipped it leaves that line as its mark.
    """
    customer = await world.escalated()
    is_broken = True
    fail_while(world, lambda text: TryAgain("no") if "head" in text and is_broken else None)
    for line in ("head", "one", "two"):
        await world.says(customer, line)
    await world.pass_time(900, step=10)

    (dead,) = await world.relay.store.dead()
    assert world.desk.words() == []
    assert any("could not be shown here" in notice for notice in world.desk.notices())
    is_broken = False
    assert await getattr(world.relay.reviver, verb)(dead.id)
    await world.settle()
    assert world.desk.words() == (["head"] if verb == "retry" else []) + ["one", "two"]
    assert any("could not be shown here" in notice for notice in world.desk.notices())


@pytest.mark.fault("F30")
async def test_a_line_that_dies_again_after_a_retry_is_told_again(world: World) -> None:
    """The second death is listed and told in the thread like the first."""
    customer = await world.escalated()
    fail_while(world, lambda text: Refused("odd") if text == "head" else None)
    await world.says(customer, "head")
    await world.settle()
    (dead,) = await world.relay.store.dead()
    world.clock.advance(60)
    assert await world.relay.reviver.retry(dead.id)
    await world.settle()

    assert [again.id for again in await world.relay.store.dead()] == [dead.id]
    assert sum("could not be shown here" in notice for notice in world.desk.notices()) == 2


@pytest.mark.fault("F31")
@pytest.mark.parametrize("merges", [True, False])
async def test_two_hundred_lines_in_a_moment_stand_in_order(world: World, merges: bool) -> None:
    """Every line of a customer who pastes two hundred of them is there, in order, merged or not."""
    world.desk.capabilities = replace(world.desk.capabilities, merges=merges)
    world.rules = the_rules(world.rules.policy, world.desk)
    customer = await world.escalated()
    await asyncio.gather(*(world.says(customer, f"line {number}") for number in range(200)))
    await world.pass_time(3)

    assert world.desk.words() == [f"line {number}" for number in range(200)]
    posts = [kept for kept in world.desk.posts if kept.post and kept.post.text.startswith("line")]
    assert (len(posts) < 200) is merges
    assert max(len(kept.keys) for kept in posts) == (MOST_MERGED if merges else 1)


@pytest.mark.fault("F32")
@pytest.mark.parametrize("seed", range(5))
async def test_two_tabs_and_the_thread_show_one_order(world: World, seed: int) -> None:
    """Two tabs write at once: the log, read in pages, and the thread have one and the same order,
    in which each tab finds its own lines as it wrote them.
    """
    customer, chance = await world.escalated(), random.Random(seed)

    async def tab(name: str) -> None:
        for number in range(20):
            await world.says(customer, f"line {name} {number}", f"{name}{number}")
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)

    await asyncio.gather(tab("left"), tab("right"))
    await world.pass_time(3)

    log = [m.text for m in await log_of(world, customer) if m.text.startswith("line")]
    assert log == world.desk.words()
    for name in ("left", "right"):
        mine = [line for line in log if name in line]
        assert mine == [f"line {name} {number}" for number in range(20)]


@pytest.mark.fault("F33")
@pytest.mark.parametrize("verbs", [("retry", "retry"), ("skip", "retry"), ("retry", "skip")])
async def test_two_who_mend_one_line_at_once_have_one_effect(
    world: World, verbs: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is first is told so, everybody else that there is nothing to mend; it is sent at
    most once, also after a restart, and all four attempts stand in the log.
    """
    customer = await world.escalated()
    world.desk.before.append(Refused("no"))
    await world.says(customer, "head")
    await world.says(customer, "behind")
    await world.settle()
    (dead,) = await world.relay.store.dead()
    acts = [getattr(world.relay.reviver, verb)(dead.id) for verb in (*verbs, *verbs)]
    done = await asyncio.gather(*acts)
    await world.settle()
    await world.restart()
    await world.pass_time(20)

    assert done == [True, False, False, False]
    audited = [record for record in caplog.records if vars(record).get("action") == "revive"]
    assert [vars(record)["delivery"] for record in audited] == [dead.id] * 4
    assert world.desk.words() == (["head"] if verbs[0] == "retry" else []) + ["behind"]
    kept = await world.relay.store.delivery(dead.id)
    assert kept is not None
    wanted = Progress.DELIVERED if verbs[0] == "retry" else Progress.SKIPPED
    assert kept.progress is wanted


@pytest.mark.fault("F34")
async def test_both_sides_in_the_same_moment_have_one_order(world: World) -> None:
    """Customer and teammate write without the clock moving: every place is given once, and a
    restart changes nothing.
    """
    customer = await world.escalated()
    for number in range(10):
        await asyncio.gather(
            world.says(customer, f"customer {number}"),
            world.replies(customer, f"teammate {number}"),
        )
    await world.settle()
    before = await log_of(world, customer)
    await world.restart()

    assert [message.seq for message in before] == list(range(1, len(before) + 1))
    assert await log_of(world, customer) == before
    for role in (Role.CUSTOMER, Role.TEAMMATE):
        mine = [m.text for m in before if m.role is role and m.text.startswith(role)]
        assert mine == [f"{role} {number}" for number in range(10)]
