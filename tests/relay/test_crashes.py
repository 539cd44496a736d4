"""A crash at every await of the outside between taking a fact and settling what follows from it.

Every call of the store, the desk and the assistant burns a fuse, before it and after it; the world
dies at the n-th step, for every n that the script has, and starts again. Whatever the moment: what
was acknowledged stands in the thread exactly once and in order, there is one thread, the customer
saw each reply and each answer once.
"""

import asyncio
from pathlib import Path

import pytest

from bridge.domain.facts import CustomerSaw
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.messages import Role
from tests.relay.unruly import UnrulyWorld

pytestmark = pytest.mark.slow

SHORTER = 8
"""Steps by which the same script may come to its end earlier."""

PARTS = 3
"""How many tests share the steps of one script."""


async def script(world: UnrulyWorld, customer: ConversationId, trouble: str) -> None:
    """Walk through the main job; said again from the start it changes nothing."""
    for number in range(2):
        await world.says(customer, f"line {number}", f"l{number}")
        await world.settle()
    if (await world.conversation(customer)).handoff is None:
        world.desk.troubles = [trouble] if trouble else []
        await world.asks_for_person(customer)
        await world.pass_time(8, step=4)
    for number in range(2, 4):
        world.desk.troubles = [trouble] if trouble and number == 2 else []
        await world.says(customer, f"line {number}", f"l{number}")
        await world.pass_time(8, step=4)
    # What is not remembered any more is read.
    world.relay.inbox.forget(None)
    await world.replies(customer, "reply", post=PostRef("memory:r"), key="reply")
    await world.settle()
    seq = (await world.conversation(customer)).seq
    now = world.clock.now()
    saw = CustomerSaw(key=f"saw:{now}", at=now, conversation_id=customer, shown=seq, read=seq)
    await world.report(saw)
    await world.settle()


async def dies_at(folder: Path, steps: int | None, trouble: str) -> list[str]:
    """Run the script with a fuse so long; returns what burnt, once everything was compared."""
    world = UnrulyWorld(folder)
    async with world:
        customer = await world.arrives()
        await world.settle()
        # What was posted shows late, and yet before the time that the desk promises to settle in.
        world.desk.lag = 3.0
        fuse = world.light(steps)
        work = asyncio.ensure_future(script(world, customer, trouble))
        blown = asyncio.ensure_future(fuse.blown.wait())
        await asyncio.wait((work, blown), return_when=asyncio.FIRST_COMPLETED)
        # Two facts that happen to share a commit make the way shorter by some steps.
        assert fuse.blown.is_set() or (steps or 0) - len(fuse.burnt) <= SHORTER, fuse.burnt
        for task in (work, blown):
            task.cancel()
        await asyncio.gather(work, blown, return_exceptions=True)
        world.desk.troubles = []
        await world.restart()
        await world.pass_time(12, step=3)
        await script(world, customer, "")
        await world.pass_time(12, step=3)
        await compare(world, customer)
    return fuse.burnt


async def compare(world: UnrulyWorld, customer: ConversationId) -> None:
    """Hold every promise against what both sides see."""
    seen = [e.text for k in world.desk.posts if k.post for e in k.post.entries]
    lines = [w for w in (*seen, *world.desk.words()) if w.startswith("line")]
    assert lines == ["line 0", "line 1", "line 2", "line 3"]
    assert len(world.desk.roots) == 1
    assert world.desk.crowded == []
    log = await world.messages(customer)
    assert [m.text for m in log if m.role is Role.TEAMMATE] == ["reply"]
    assert [m.seq for m in log] == list(range(1, len(log) + 1))
    assert len([m for m in log if m.role is Role.ASSISTANT]) == 2
    assert [d for d in await world.store.truth.deliveries(None) if d.leg == "desk"] == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", ["", "again", "made", "lost"])
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.fault("F08", "F09", "F35")
async def test_a_crash_at_any_call_breaks_no_promise(
    tmp_path: Path, trouble: str, part: int
) -> None:
    """Die at each step, start again, say again what was not answered, and compare."""
    (tmp_path / "whole").mkdir()
    whole = await dies_at(tmp_path / "whole", None, trouble)
    for steps in range(part + 1, len(whole) + 1, PARTS):
        folder = tmp_path / str(steps)
        folder.mkdir()
        await dies_at(folder, steps, trouble)


async def test_the_script_comes_by_every_call(tmp_path: Path) -> None:
    """Reads and writes of the store, the calls of the desk, and the assistant are steps."""
    burnt = set(await dies_at(tmp_path, None, "made"))

    calls = ("commit", "load", "history", "open", "post", "refresh", "amend", "find", "answer")
    assert {f"before {call}" for call in calls} <= burnt
