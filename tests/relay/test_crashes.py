"""A crash at every await between taking a fact and settling it.

The world's store and desk count their calls; the world is crashed at the n-th of them, for every
n, and restarted. Whatever the moment: what was acknowledged stands in the thread exactly once and
in order, there is one thread, and the customer saw each reply once.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.messages import Role
from tests.world import World

pytestmark = pytest.mark.slow

HALF_STEPS = 60
"""Crash points tried; the script below makes fewer awaits of the outside than that."""


class Crash(Exception):
    """The moment came."""


class Fuse:
    """Burns down with every call of the outside, before it and after it."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.blown = asyncio.Event()

    async def burn(self) -> None:
        """Take a step; at the last one nothing ever goes on."""
        self.left -= 1
        if self.left <= 0:
            self.blown.set()
            await asyncio.Event().wait()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call with a step before and a step after it."""

        async def wrapped(*given: Any, **named: Any) -> Any:
            await self.burn()
            found = await call(*given, **named)
            await self.burn()
            return found

        return wrapped


async def script(world: World, told: list[str], customer: ConversationId) -> None:
    """Walk through the main job, writing down what was acknowledged."""
    for number in range(3):
        await world.says(customer, f"before {number}", f"b{number}")
    await world.asks_for_person(customer)
    for number in range(3):
        await world.says(customer, f"line {number}", f"l{number}")
        told.append(f"line {number}")
        await world.settle()
    await world.replies(customer, "reply", post=PostRef("memory:r"), key="reply")
    told.append("reply")
    await world.settle()


async def until_blown(world: World, fuse: Fuse, told: list[str], customer: ConversationId) -> None:
    """Run the script until it ends or the fuse is blown."""
    work = asyncio.ensure_future(script(world, told, customer))
    blown = asyncio.ensure_future(fuse.blown.wait())
    await asyncio.wait((work, blown), return_when=asyncio.FIRST_COMPLETED)
    for task in (work, blown):
        task.cancel()
    await asyncio.gather(work, blown, return_exceptions=True)


@pytest.mark.parametrize("steps", range(1, HALF_STEPS))
@pytest.mark.fault("F08", "F09", "F35")
async def test_a_crash_at_any_call_breaks_no_promise(world: World, steps: int) -> None:
    """Crash at the n-th step, restart, send again what was not acknowledged, and compare."""
    customer = await world.arrives()
    fuse = Fuse(steps)
    told: list[str] = []
    real = {name: getattr(world.desk, name) for name in ("open_thread", "post", "refresh")}
    for name, call in real.items():
        setattr(world.desk, name, fuse.around(call))
    store: Any = world.relay.store
    store.commit = fuse.around(store.commit)
    await until_blown(world, fuse, told, customer)
    await world.restart()
    for name, call in real.items():
        setattr(world.desk, name, call)
    await world.pass_time(30, step=5)
    if (await world.conversation(customer)).handoff is None:
        await world.asks_for_person(customer)
    for number in range(3):
        await world.says(customer, f"line {number}", f"l{number}")
    await world.pass_time(10, step=5)
    await world.replies(customer, "reply", post=PostRef("memory:r"), key="reply")
    await world.pass_time(10, step=5)

    pages = [e.text for k in world.desk.posts if k.post for e in k.post.entries]
    lines = [w for w in (*pages, *world.desk.words()) if w.startswith("line")]
    assert lines == ["line 0", "line 1", "line 2"]
    assert len(world.desk.roots) == 1
    log = await world.messages(customer)
    assert [m.text for m in log if m.role is Role.TEAMMATE] == ["reply"]
    assert [m.seq for m in log] == list(range(1, len(log) + 1))
