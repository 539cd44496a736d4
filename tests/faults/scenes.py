"""Worlds for the fault matrix: one on a file, or several that share a PostgreSQL and a desk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from bridge.domain.errors import StoreUnavailable
from bridge.domain.policy import default_policy
from bridge.ports.store import Tenure, Write
from storage import open_store
from storage.postgres import PostgresStore
from storage.reading import Reading
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.world import MemoryDesk, World, the_rules

Result = TypeVar("Result")


class Watched(PostgresStore):
    """A store that tells whether it waits for its database."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked = 0

    async def commit(self, write: Write) -> None:
        """Store."""
        with self._asking_it():
            await super().commit(write)

    async def tenure(self) -> Tenure:
        """Renew."""
        with self._asking_it():
            return await super().tenure()

    async def _read(self, asked: Reading[Result], *, as_one: bool = False) -> Result:
        with self._asking_it():
            return await super()._read(asked, as_one=as_one)

    @contextmanager
    def _asking_it(self) -> Iterator[None]:
        self.asked += 1
        try:
            yield
        finally:
            self.asked -= 1


def _world(url: str, clock: HandClock) -> World:
    return World(lambda: open_store(url), the_rules(default_policy()), clock)


@asynccontextmanager
async def one_world(folder: Path) -> AsyncIterator[World]:
    """Run one world on a SQLite file."""
    made = _world(sqlite_url(folder), HandClock())
    made.rules = the_rules(default_policy(), made.desk)
    async with made:
        yield made


@asynccontextmanager
async def worlds(url: str, count: int) -> AsyncIterator[list[World]]:
    """Run several worlds with one database, desk, assistant and clock; their shares are even."""
    clock = HandClock()
    made = [World(lambda: Watched(url), the_rules(default_policy()), clock) for _ in range(count)]
    for world in made:
        _share(made[0].desk, world.desk)
        world.assistant = made[0].assistant
        world.rules = the_rules(default_policy(), made[0].desk)
    async with AsyncExitStack() as stack:
        for world in made:
            await stack.enter_async_context(world)
        await pass_time(made, 6 * count)
        yield made


def _share(desk: MemoryDesk, other: MemoryDesk) -> None:
    """Let two desks be one and the same platform; each still counts its own calls."""
    other.posts, other.before, other.after = desk.posts, desk.before, desk.after
    other._number = desk._number  # noqa: SLF001 (one platform gives its references once)


async def pass_time(made: list[World], seconds: float, step: float = 1.0) -> None:
    """Let time pass for all of them, and news travel between them.

    The clock stands while a database is asked: leases would run out on one that is only slow.
    """
    for _ in range(int(seconds / step)):
        made[0].clock.advance(step)
        for world in made:
            await world.settle(60)
        await asyncio.sleep(0.01)
        for world in made:
            await _answered(world)


async def _answered(world: World) -> None:
    """Wait until a world has its answers from the database, also to what follows from them."""
    store = world.relay.store
    async with asyncio.timeout(20):
        quiet = 0
        while isinstance(store, Watched) and quiet < 3:
            await asyncio.sleep(0.001)
            quiet = 0 if store.asked else quiet + 1


def cut_off_renewals(world: World) -> None:
    """Let an instance's leases end unnoticed, as when it stands still or hears nothing."""

    async def fails() -> Any:
        raise StoreUnavailable("nobody answers")

    world.relay.store.tenure = fails  # type: ignore[method-assign]


def cut_off_everything(world: World) -> None:
    """Let an instance reach nothing of its database any more."""

    async def fails(*asked: Any, **named: Any) -> Any:
        raise StoreUnavailable("nobody answers")

    for name in ("tenure", "commit", "deliveries", "load", "history", "due_timers", "next_timer"):
        setattr(world.relay.store, name, fails)


async def let_leases_end(url: str) -> None:
    """Move all leases in the database into the past."""
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE shard SET until = until - 31")
    await connection.execute("UPDATE instance SET seen_at = seen_at - 31")
    await connection.close()
