"""PostgreSQL: a schema ahead of a running program, a crowd at the door, and a failover."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from bridge.domain.errors import ConfigurationError, StoreUnavailable
from bridge.ports.store import Wanted
from storage import open_store
from storage.postgres import READERS, PostgresStore
from storage.postgres_link import Connection
from tests.databases import SOCKET, PostgresServer, running_postgres
from tests.storage.proxy import Fate, proxied
from tests.storage.test_postgres_faults import (
    WRITERS,
    _twenty_more,
    _write_until,
    keys,
    waits_for_a_lock,
)
from tests.storage.things import changed, conversation, fact, first, later, message

pytestmark = pytest.mark.postgres

NEWER = (
    "ALTER TABLE message ADD COLUMN mood TEXT",
    "ALTER TABLE conversation ADD COLUMN mood TEXT DEFAULT 'calm'",
    "CREATE TABLE mood (id TEXT PRIMARY KEY)",
    "UPDATE alembic_version SET version_num = '9999'",
)
"""What a newer version's migration does while an older program still runs."""


@pytest.mark.fault("F43")
async def test_a_program_that_runs_on_while_the_schema_grows_loses_nothing(
    postgres_server: PostgresServer,
) -> None:
    """What it stores during and after the migration is there once and in order; started again it
    says that it is too old.
    """
    url = await asyncio.to_thread(postgres_server.fresh_database)
    async with PostgresStore(url) as store:
        state = conversation()
        await store.commit(first(state))
        migrating = await asyncpg.connect(url)
        async with migrating.transaction():
            for order in NEWER[:2]:
                await migrating.execute(order)
            after = changed(state, seq=1)
            write = later(state, after, messages=[message(state, 1)], facts=[fact(state, "k1")])
            storing = asyncio.create_task(store.commit(write))
            await waits_for_a_lock(url)
            for order in NEWER[2:]:
                await migrating.execute(order)
        await storing
        await migrating.close()
        last = changed(after, seq=2)
        await store.commit(later(after, last, messages=[message(state, 2)]))
        found = await store.load(Wanted(frozenset({state.id}), keys=frozenset({"k1"})))
        assert found.conversations[state.id].version == last.version
        assert set(found.facts) == {"k1"}
        assert [said.seq for said in await store.history(state.id, 1, 9)] == [1, 2]
    with pytest.raises(ConfigurationError, match=r"schema is 9999.* use a newer version"):
        await open_store(url).open()


@pytest.mark.fault("F59")
async def test_a_crowd_of_readers_waits_its_turn(postgres_url: str) -> None:
    """Fifty reads over three connections beside fifty writes: all are answered, none locks."""
    async with PostgresStore(postgres_url) as store:
        states = [conversation(str(number)) for number in range(50)]
        async with asyncio.timeout(20):
            await asyncio.gather(*(store.commit(first(state)) for state in states))
            wanted = [Wanted(conversations=frozenset({state.id})) for state in states]
            both = [store.load(asked) for asked in wanted]
            writes = [store.commit(later(state, changed(state))) for state in states]
            found = await asyncio.gather(*both, *writes)
        assert len(found) == 100
        watcher = await asyncpg.connect(postgres_url)
        count = await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'handoff-reader-%'"
        )
        await watcher.close()
        assert count <= READERS


async def all_there_are(server: PostgresServer) -> AsyncIterator[Connection]:
    """Yield connections until the server has none left."""
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            yield await asyncpg.connect(server.url("postgres"))


@pytest.mark.slow
@pytest.mark.fault("F59")
async def test_a_server_that_takes_no_more_connections_is_named(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """With every place taken the store says so, and works as soon as there is one."""
    others = [connection async for connection in all_there_are(postgres_server)]
    with pytest.raises(StoreUnavailable, match="takes no more connections"):
        await PostgresStore(postgres_url).open()
    for other in others:
        await other.close()
    async with PostgresStore(postgres_url) as store:
        await store.commit(first(conversation()))


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.fault("F59")
async def test_a_query_that_takes_too_long_is_ended(postgres_url: str) -> None:
    """A read behind a locked table is given up on in seconds and nothing waits for ever."""
    async with PostgresStore(postgres_url) as store:
        await store.commit(first(conversation()))
        other = await asyncpg.connect(postgres_url)
        await other.execute("BEGIN")
        await other.execute("LOCK TABLE conversation IN ACCESS EXCLUSIVE MODE")
        asked = Wanted(conversations=frozenset({conversation().id}))
        async with asyncio.timeout(12):
            found = await asyncio.gather(
                *(store.load(asked) for _ in range(READERS)), return_exceptions=True
            )
        assert all(isinstance(problem, StoreUnavailable) for problem in found)
        await other.execute("ROLLBACK")
        await other.close()
        assert (await store.load(asked)).conversations


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A server that a test may lose, and its synchronous standby."""
    with running_postgres() as primary, primary.standby() as standby:
        yield primary, standby


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.fault("F58")
def test_a_failover_to_a_synchronous_standby_loses_nothing(
    pair: tuple[PostgresServer, PostgresServer],
) -> None:
    """The primary dies under load and the standby is promoted: whatever was told as stored is
    there, and the store goes on by itself within seconds.
    """
    primary, standby = pair
    url = primary.fresh_database()
    told, stored = asyncio.run(_write_through_a_failover(primary, standby, url))
    assert told <= stored
    assert len(stored - told) <= len(WRITERS)


async def _write_through_a_failover(
    primary: PostgresServer, standby: PostgresServer, url: str
) -> tuple[set[str], set[str]]:
    told: set[str] = set()
    done = asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="handoff-px-") as folder:
        async with proxied(primary.folder, Path(folder)) as proxy:
            name = url.partition("@/")[2].partition("?")[0]
            async with (
                PostgresStore(primary.url(name, Path(folder))) as store,
                asyncio.TaskGroup() as tasks,
            ):
                for writer in WRITERS:
                    tasks.create_task(_write_until(done, store, writer, told))
                await _twenty_more(told)
                await asyncio.to_thread(primary.stop, signal.SIGQUIT)
                proxy.reach(standby.folder / SOCKET)
                await asyncio.to_thread(standby.promote)
                await _twenty_more(told)
                done.set()
    assert proxy.fate is Fate.PASS
    return told, await keys(standby.url(name))
