"""PostgreSQL at its worst: connections that break at COMMIT, others' transactions, restarts."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import Progress
from bridge.domain.errors import ConfigurationError, StoreUnavailable
from bridge.domain.ids import ConversationId, ThreadRef
from bridge.ports.store import Moved, Settlement, Wanted, Write
from storage import open_reader, open_store
from storage.postgres import PostgresStore
from tests.databases import PostgresServer, running_postgres
from tests.storage.proxy import Fate, Proxy, proxied
from tests.storage.things import changed, conversation, delivery, fact, first, later

pytestmark = pytest.mark.postgres


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[Proxy]:
    """A proxy before the server."""
    with tempfile.TemporaryDirectory(prefix="handoff-px-") as folder:
        async with proxied(postgres_server.folder, Path(folder)) as running:
            yield running


@pytest.fixture
async def store(proxy: Proxy, postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store that reaches its database through the proxy."""
    url = postgres_url.partition("host=")[0] + f"host={proxy.folder}"
    async with PostgresStore(url) as opened:
        yield opened


async def keys(url: str) -> set[str]:
    """Return the keys of all facts, read past the proxy."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT key FROM fact")
    await connection.close()
    return {row[0] for row in rows}


FATES = {Fate.CUT_BEFORE: False, Fate.CUT_AFTER: True}


@pytest.mark.parametrize(("fate", "lands"), FATES.items(), ids=str)
@pytest.mark.fault("F57")
async def test_a_commit_without_an_answer_is_looked_up(
    store: PostgresStore, proxy: Proxy, postgres_url: str, fate: Fate, lands: bool
) -> None:
    """The caller is told what became of it: stored is stored, not stored comes again."""
    one = conversation()
    await store.commit(first(one, facts=[fact(one, "first")]))
    proxy.fate = fate
    write = later(one, changed(one), facts=[fact(one, "second"), fact(one, "third")])
    if lands:
        await store.commit(write)
    else:
        with pytest.raises(StoreUnavailable):
            await store.commit(write)
    assert proxy.met == 1
    assert await keys(postgres_url) == ({"first", "second", "third"} if lands else {"first"})


@pytest.mark.fault("F57")
async def test_whatever_moment_the_connection_breaks_the_caller_knows(
    store: PostgresStore, proxy: Proxy, postgres_url: str
) -> None:
    """Cut at the very moment of COMMIT, again and again: what is told is what is stored."""
    state = conversation()
    await store.commit(first(state))
    told = set()
    for number in range(12):
        proxy.fate = Fate.CUT_AT_ONCE
        after = changed(state)
        try:
            await store.commit(later(state, after, facts=[fact(state, f"key {number}")]))
        except StoreUnavailable:
            continue
        told.add(f"key {number}")
        state = after
    assert proxy.met == 12
    assert await keys(postgres_url) == told


@pytest.mark.fault("F57")
async def test_a_transaction_that_hangs_is_ended(store: PostgresStore, proxy: Proxy) -> None:
    """When the server waits for a COMMIT that never comes, nobody waits with it."""
    one = conversation()
    await store.commit(first(one))
    write = later(one, changed(one), facts=[fact(one, "key")])
    proxy.fate = Fate.HALF_OPEN
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await store.commit(write)
    await store.commit(write)


@pytest.mark.fault("F57")
async def test_a_step_of_the_courier_is_looked_up_too(store: PostgresStore, proxy: Proxy) -> None:
    """A write without any key is told by the number of its transaction."""
    one, work = conversation(), delivery(conversation(), 1)
    await store.commit(first(one, deliveries=[work]))
    sending = Settlement(work.moved(Progress.SENDING))
    proxy.fate = Fate.CUT_BEFORE
    with pytest.raises(StoreUnavailable):
        await store.commit(Write(settled=[sending]))
    assert await store.delivery(work.id) == work
    proxy.fate = Fate.CUT_AFTER
    await store.commit(Write(settled=[sending]))
    assert await store.delivery(work.id) == sending.delivery


@pytest.mark.fault("F57")
async def test_an_outcome_nobody_can_tell_is_not_told_as_stored(
    store: PostgresStore, proxy: Proxy
) -> None:
    """When the server stays away the sender is asked to come again; its key makes that safe."""
    one = conversation()
    await store.commit(first(one))
    write = later(one, changed(one), facts=[fact(one, "key")])
    proxy.fate = Fate.GONE_AFTER
    with pytest.raises(StoreUnavailable, match="could not be looked up"):
        await store.commit(write)
    proxy.is_down = False
    with pytest.raises(Moved):
        await store.commit(write)
    assert set((await store.load(Wanted(keys=frozenset({"key"})))).facts) == {"key"}


async def test_a_broken_line_is_mended_by_itself(store: PostgresStore, proxy: Proxy) -> None:
    """While the database cannot be reached everything says so; afterwards all goes on."""
    one = conversation()
    await store.commit(first(one))
    proxy.is_down = True
    proxy.cut_all()
    for attempt in (store.commit(later(one, changed(one))), store.queue(1), store.tenure()):
        with pytest.raises(StoreUnavailable):
            await attempt
    proxy.is_down = False
    await store.commit(later(one, changed(one)))
    assert await store.queue(1) == ()
    assert len((await store.tenure()).owned) == 64


async def test_a_session_ended_by_the_server_is_begun_again(
    store: PostgresStore, postgres_url: str
) -> None:
    """An administrator who ends our sessions costs one attempt at most."""
    one = conversation()
    await store.commit(first(one))
    other = await asyncpg.connect(postgres_url)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'handoff-%' AND datname = current_database()"
    )
    await other.close()
    state = one
    for _ in range(3):
        try:
            await store.commit(later(state, changed(state)))
        except StoreUnavailable:
            continue
        break
    found = await store.load(Wanted(conversations=frozenset({one.id})))
    assert found.conversations[one.id].version == 2


@pytest.mark.fault("F60")
async def test_a_deadlock_is_run_again(store: PostgresStore, postgres_url: str) -> None:
    """When the server ends our transaction for somebody else's sake, it is run once more."""
    one, two = conversation("1"), conversation("2")
    for made in (one, two):
        await store.commit(first(made))
    other = await asyncpg.connect(postgres_url)
    # The server ends the transaction that has waited for this long; the other's waits longer.
    await other.execute("SET deadlock_timeout = '20s'")
    await other.execute("BEGIN")
    await other.execute("UPDATE message SET seq = seq WHERE false")
    await other.execute("INSERT INTO thread VALUES ('slack:C1:1', $1)", two.id)
    write = later(one, changed(one), threads=[(ThreadRef("slack:C1:1"), one.id)])
    committing = asyncio.create_task(store.commit(write))
    await waits_for_a_lock(postgres_url)
    # Now each waits for the other: we for the thread's key, the other for our conversation.
    blocked = asyncio.create_task(
        other.execute("UPDATE conversation SET version = version WHERE id = $1", one.id)
    )
    await blocked
    await other.execute("ROLLBACK")
    await committing
    await other.close()
    found = await store.load(Wanted(conversations=frozenset({one.id})))
    assert found.conversations[one.id].version == 2


@pytest.mark.fault("F60")
async def test_a_serialization_failure_is_run_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Where every transaction is serializable, losers are told that a version has moved."""
    database = postgres_url.partition("@/")[2].partition("?")[0]
    other = await asyncpg.connect(postgres_server.url("postgres"))
    strict = f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'"
    await other.execute(strict)
    state = conversation()
    async with PostgresStore(postgres_url) as one, PostgresStore(postgres_url) as two:
        await one.commit(first(state))
        for _ in range(15):
            after = changed(state)
            results = await asyncio.gather(
                *(store.commit(later(state, after)) for store in (one, two)),
                return_exceptions=True,
            )
            assert sorted(type(result).__name__ for result in results) == ["Moved", "NoneType"]
            state = after
    await other.execute(f"ALTER DATABASE {database} RESET default_transaction_isolation")
    await other.close()


async def waits_for_a_lock(url: str) -> None:
    """Return once some session of the database waits for a lock."""
    watcher = await asyncpg.connect(url)
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10):
        while not await watcher.fetchval(waiting):  # noqa: ASYNC110 (nothing to be woken by)
            await asyncio.sleep(0.01)
    await watcher.close()


@pytest.mark.fault("F59")
async def test_a_lock_that_is_held_for_long_is_not_waited_for(
    store: PostgresStore, postgres_url: str
) -> None:
    """A locked table refuses in seconds, stores nothing, and harms no later write."""
    one = conversation()
    await store.commit(first(one))
    other = await asyncpg.connect(postgres_url)
    await other.execute("BEGIN")
    await other.execute("LOCK TABLE conversation IN SHARE MODE")
    with pytest.raises(StoreUnavailable, match="locked by somebody else"):
        await store.commit(later(one, changed(one)))
    assert await store.queue(1) == ()
    await other.execute("ROLLBACK")
    await other.close()
    await store.commit(later(one, changed(one)))


async def test_a_cancelled_commit_leaves_the_store_usable(
    store: PostgresStore, postgres_url: str
) -> None:
    """Whoever gives up waiting does not leave a transaction open behind him."""
    one = conversation()
    await store.commit(first(one))
    other = await asyncpg.connect(postgres_url)
    await other.execute("BEGIN")
    await other.execute("LOCK TABLE conversation IN SHARE MODE")
    committing = asyncio.create_task(store.commit(later(one, changed(one))))
    await waits_for_a_lock(postgres_url)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    await other.execute("ROLLBACK")
    await other.close()
    await store.commit(later(one, changed(one)))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://postgres:@/nowhere?host={folder}", "does not let us in: .*nowhere"),
        (
            "postgresql://nobody_known:@/postgres?host={folder}",
            "does not let us in: .*nobody_known",
        ),
        ("postgresql://h:notaport/x", "this is no PostgreSQL URL"),
    ],
)
async def test_a_wrong_url_is_named(postgres_server: PostgresServer, url: str, told: str) -> None:
    """What only a person can mend names the setting."""
    for opened in (open_store, open_reader):
        with pytest.raises(ConfigurationError, match=f"HANDOFF_DATABASE_URL: .*{told}"):
            await opened(url.format(folder=postgres_server.folder)).open()


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A server that may come back is no mistake in the settings."""
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await open_store(f"postgresql://postgres:@/x?host={tmp_path}").open()


async def test_a_server_that_acknowledges_too_early_is_overruled(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """With synchronous_commit off by default our own sessions sync all the same."""
    database = postgres_url.partition("@/")[2].partition("?")[0]
    other = await asyncpg.connect(postgres_server.url("postgres"))
    await other.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    async with PostgresStore(postgres_url) as store:
        connection = await store._writer.get()  # noqa: SLF001 (what the server says to this very session)
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
    await other.execute(f"ALTER DATABASE {database} RESET synchronous_commit")
    await other.close()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may crash."""
    with running_postgres() as server:
        yield server


@pytest.mark.slow
@pytest.mark.fault("F56")
def test_a_crashed_server_loses_nothing(own_server: PostgresServer) -> None:
    """Crash and restart under load: whatever was told as stored is there, once, and the store
    goes on by itself within seconds.
    """
    url = own_server.fresh_database()
    told, stored = asyncio.run(_write_through_crashes(own_server, url))
    assert told <= stored
    # What landed without being told: at most what each writer had under way at each crash.
    assert len(stored - told) <= CRASHES * len(WRITERS)


CRASHES = 3
WRITERS = ("a", "b", "c")


async def _write_through_crashes(server: PostgresServer, url: str) -> tuple[set[str], set[str]]:
    told: set[str] = set()
    async with PostgresStore(url) as store, asyncio.TaskGroup() as tasks:
        done = asyncio.Event()
        for name in WRITERS:
            tasks.create_task(_write_until(done, store, name, told))
        for _ in range(CRASHES):
            await _twenty_more(told)
            await asyncio.to_thread(server.stop, signal.SIGQUIT)
            await asyncio.to_thread(server.start)
        await _twenty_more(told)
        done.set()
    return told, await keys(url)


async def _write_until(
    done: asyncio.Event, store: PostgresStore, name: str, told: set[str]
) -> None:
    """Write facts one after the other, each again and again until it is stored."""
    state, number = None, 0
    while not done.is_set():
        key = f"{name} {number}"
        after = changed(state) if state is not None else conversation(name)
        write = later(state, after) if state is not None else first(after)
        write.facts.append(fact(after, key))
        try:
            await store.commit(write)
        except StoreUnavailable:
            await asyncio.sleep(0.05)
        except Moved:
            state, number = await _as_stored(store, after.id) or state, number + 1
        else:
            told.add(key)
            state, number = after, number + 1


async def _as_stored(store: PostgresStore, conversation_id: ConversationId) -> Conversation | None:
    try:
        found = await store.load(Wanted(conversations=frozenset({conversation_id})))
    except StoreUnavailable:
        return None
    return found.conversations.get(conversation_id)


async def _twenty_more(told: set[str]) -> None:
    before = len(told)
    await until(lambda: len(told) >= before + 20)


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; only for what nobody can be awaited for."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (another process cannot set our events)
            await asyncio.sleep(0.01)
