"""Several instances on one PostgreSQL: shares, leases, news, and nothing lost or doubled."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from bridge.domain.delivery import Progress
from bridge.domain.shards import SHARDS
from bridge.ports.store import Moved, News, Record, Settlement, ShardLost, Wanted, Write
from storage.postgres import PostgresStore
from tests.databases import PostgresServer
from tests.storage.proxy import proxied
from tests.storage.things import (
    changed,
    conversation,
    delivery,
    fact,
    first,
    handoff,
    later,
    message,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
async def one(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """The first instance."""
    async with PostgresStore(postgres_url) as store:
        yield store


@pytest.fixture
async def two(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """The second instance."""
    async with PostgresStore(postgres_url) as store:
        yield store


async def owned(store: PostgresStore) -> dict[int, int]:
    """Return what an instance owns after its next round."""
    return (await store.tenure()).owned


WAITS_FOR_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND application_name LIKE 'handoff-writer-%' AND datname = current_database()"
)


class Heard:
    """What an instance was told."""

    def __init__(self, store: PostgresStore) -> None:
        self.news: list[News] = []
        self._came = asyncio.Event()
        store.listen(self._hear)

    def _hear(self, news: News) -> None:
        self.news.append(news)
        self._came.set()

    async def next(self, within: float = 5.0) -> News:
        """Return the next piece of news."""
        async with asyncio.timeout(within):
            while not self.news:
                self._came.clear()
                await self._came.wait()
        return self.news.pop(0)


@asynccontextmanager
async def listening(store: PostgresStore) -> AsyncIterator[Heard]:
    """Let a store listen, past the look at everything with which it begins."""
    heard = Heard(store)
    running = asyncio.create_task(store.run())
    assert await heard.next() == News(None)
    yield heard
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_two_instances_share_the_work(one: PostgresStore, two: PostgresStore) -> None:
    """The second gets half once the first has given it back; epochs tell the new owners."""
    alone = await owned(one)
    assert set(alone) == set(range(SHARDS))
    assert await owned(two) == {}
    kept, taken = await owned(one), await owned(two)
    assert len(kept) == len(taken) == SHARDS // 2
    assert kept.keys() | taken.keys() == set(range(SHARDS))
    assert kept == {shard: alone[shard] for shard in kept}
    assert taken == {shard: alone[shard] + 1 for shard in taken}


@pytest.mark.fault("F40", "F63")
async def test_a_former_owner_is_refused(one: PostgresStore, two: PostgresStore) -> None:
    """What was decided under a lease that has passed on is not stored; the new owner's is."""
    made, work = conversation(), delivery(conversation(), 1)
    before = await owned(one)
    await one.commit(first(made, deliveries=[work]))
    for store in (two, one, two):
        await store.tenure()
    taken = await owned(two)
    shard = min(taken)
    late = Write(settled=[Settlement(work)], fences={shard: before[shard]})
    with pytest.raises(ShardLost) as refused:
        await one.commit(late)
    assert refused.value.shards == {shard}
    await two.commit(Write(settled=[Settlement(work)], fences={shard: taken[shard]}))


@pytest.mark.fault("F40")
async def test_a_lane_that_passed_on_is_a_lost_shard(
    one: PostgresStore, two: PostgresStore
) -> None:
    """What the new owner does in a lane looks like no conversation that moved, to be tried anew."""
    made = conversation()
    theirs, ours = delivery(made, 1), delivery(made, 2)
    before = await owned(one)
    await one.commit(first(made, deliveries=[theirs, ours]))
    for store in (two, one, two):
        await store.tenure()
    shard = min(await owned(two))
    await two.commit(Write(settled=[Settlement(theirs.moved(Progress.SENDING))]))
    late = Settlement(ours.moved(Progress.SENDING))
    with pytest.raises(ShardLost):
        await one.commit(Write(settled=[late], fences={shard: before[shard]}))


@pytest.mark.fault("F40")
async def test_a_lease_does_not_pass_on_while_a_write_under_it_is_stored(
    one: PostgresStore, postgres_url: str
) -> None:
    """From the look at its lease to its commit a write keeps it: whoever would take it waits."""
    made, work = conversation(), delivery(conversation(), 1)
    fences = await owned(one)
    await one.commit(first(made))
    holder, taker = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    # The write waits for this lock after it has looked at its lease.
    await holder.execute("BEGIN; LOCK TABLE delivery IN ACCESS EXCLUSIVE MODE")
    late = asyncio.create_task(
        one.commit(later(made, changed(made), deliveries=[work], fences=fences))
    )
    async with asyncio.timeout(5):
        while not await taker.fetchval(WAITS_FOR_LOCK):  # noqa: ASYNC110 (nothing to wait for)
            await asyncio.sleep(0.01)
    await taker.execute("SET lock_timeout = '100ms'")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await taker.execute("UPDATE shard SET epoch = epoch + 1")
    await holder.execute("COMMIT")
    await late
    await taker.execute("UPDATE shard SET epoch = epoch + 1")
    for connection in (holder, taker):
        await connection.close()


async def test_who_leaves_gives_everything_back(one: PostgresStore, postgres_url: str) -> None:
    """After an orderly end the others need not wait for a lease to run out."""
    async with PostgresStore(postgres_url) as leaving:
        assert len(await owned(leaving)) == SHARDS
    assert len(await owned(one)) == SHARDS


@pytest.mark.fault("F40")
async def test_who_leaves_locks_shards_as_renewals_do(
    one: PostgresStore, postgres_url: str
) -> None:
    """By number, wherever the rows lie: a renewal of another instance is no ring with it."""
    await owned(one)
    other = await asyncpg.connect(postgres_url)
    await other.execute("UPDATE shard SET until = until WHERE id < $1", SHARDS // 2)
    lies_first = await other.fetchval("SELECT id FROM shard LIMIT 1")
    assert lies_first > 0
    lock = "SELECT FROM shard WHERE id = $1 FOR UPDATE"
    async with other.transaction():
        await other.execute(lock, 0)
        leaving = asyncio.create_task(one.close())
        async with asyncio.timeout(5):
            while not await other.fetchval(WAITS_FOR_LOCK.replace("writer", "keeper")):  # noqa: ASYNC110 (nothing to wait for)
                await asyncio.sleep(0.01)
        await other.execute("SET LOCAL lock_timeout = '500ms'")
        await other.execute(lock, lies_first)
    await leaving
    assert await other.fetchval("SELECT count(owner) FROM shard") == 0
    await other.close()


async def test_a_dead_instance_is_succeeded(
    one: PostgresStore, two: PostgresStore, postgres_url: str
) -> None:
    """When the lease ran out, by the database's clock, the other takes all; should the first
    come back from a long sleep, it has nothing and gets its share only when it is given back.
    """
    before = await owned(one)
    connection = await asyncpg.connect(postgres_url)
    assert await owned(two) == {}
    await connection.execute("UPDATE shard SET until = until - 31")
    await connection.execute("UPDATE instance SET seen_at = seen_at - 31 WHERE commits = 0")
    await connection.close()
    taken = await owned(two)
    assert taken == {shard: epoch + 1 for shard, epoch in before.items()}
    with pytest.raises(ShardLost):
        await one.commit(Write(fences=before))
    assert await owned(one) == {}


async def test_a_lease_and_a_write_do_not_lock_each_other_out(
    one: PostgresStore, two: PostgresStore
) -> None:
    """Renewals and fenced writes of both instances at full speed: nobody waits for ever."""
    for store in (one, two, one, two):
        await store.tenure()

    async def write(store: PostgresStore, name: str) -> int:
        state, stored = conversation(name), 0
        await store.commit(first(state))
        for _ in range(30):
            fences = (await store.tenure()).owned
            after = changed(state)
            try:
                await store.commit(later(state, after, fences=fences))
            except ShardLost:
                continue
            state, stored = after, stored + 1
        return stored

    async with asyncio.timeout(30):
        stored = await asyncio.gather(write(one, "1"), write(two, "2"))
    assert all(stored)


LOGGED = ("conversation", "fact", "message", "handoff", "delivery", "record", "instance")
_LOGGING = """
CREATE TABLE log (n serial, what text);
CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO log (what) VALUES (tg_table_name); RETURN coalesce(NEW, OLD); END $$;
"""


@pytest.fixture
async def logged(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database that logs which rows change; the next test finds none of it."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(_LOGGING)
    for table in LOGGED:
        await connection.execute(
            f"CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION logs()"
        )
    yield connection
    await connection.execute("DROP FUNCTION logs() CASCADE; DROP TABLE log")
    await connection.close()


@pytest.mark.fault("F63")
async def test_rows_are_locked_in_one_order(one: PostgresStore, logged: asyncpg.Connection) -> None:
    """Whatever a write changes, in the same order, its own instance last, as leases do it."""
    made = conversation(seq=1, cursor=1)
    work = [delivery(made, n) for n in (1, 2)]
    fences = await owned(one)
    await logged.execute("DELETE FROM log")
    record, handed = Record(made.id, 1.0, "kind", {}), handoff(made)
    ends = [Settlement(work[0].moved(Progress.DELIVERED))]
    writes = [
        first(
            made,
            facts=[fact(made, "1")],
            messages=[message(made, 1)],
            handoffs=[handed],
            deliveries=work,
            records=[record],
        ),
        later(made, changed(made), facts=[fact(made, "2")], settled=ends, records=[record]),
        Write(settled=ends, fences=fences),
    ]
    for write in writes:
        await one.commit(write)
        rows = await logged.fetch("DELETE FROM log RETURNING n, what")
        order = list(dict.fromkeys(what for _, what in sorted(map(tuple, rows))))
        assert order == [table for table in LOGGED if table in order]
        assert order[-1] == "instance"


async def test_the_other_hears_what_was_stored(one: PostgresStore, two: PostgresStore) -> None:
    """News names the conversations; one's own is no news."""
    made = conversation()
    async with listening(one) as heard, listening(two) as also:
        await one.commit(first(made))
        assert await also.next() == News(frozenset({made.id}))
        await two.commit(later(made, changed(made)))
        assert await heard.next() == News(frozenset({made.id}))
        assert heard.news == also.news == []


async def test_a_batch_too_large_for_names_is_heard(one: PostgresStore, two: PostgresStore) -> None:
    """Hundreds of conversations are one notice: look at everything."""
    many = [conversation(f"{number:020}") for number in range(400)]
    async with listening(two) as heard:
        await one.commit(Write(conversations={made.id: (None, made) for made in many}))
        assert await heard.next() == News(None)


@pytest.mark.fault("F61")
async def test_a_lost_notice_is_made_good_within_two_seconds(
    one: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """When notices get lost on the way, looking at the counts finds out."""
    with tempfile.TemporaryDirectory(prefix="handoff-px-") as folder:
        async with proxied(postgres_server.folder, Path(folder)) as proxy:
            url = postgres_url.partition("host=")[0] + f"host={folder}"
            async with PostgresStore(url) as deaf, listening(deaf) as heard:
                # Type A is PostgreSQL's NotificationResponse.
                proxy.swallow = lambda data: data.startswith(b"A") and b"handoff\0" in data
                await one.commit(first(conversation()))
                assert await heard.next(within=2.5) == News(None)


async def test_a_listener_that_was_cut_off_listens_again(
    one: PostgresStore, two: PostgresStore, postgres_url: str
) -> None:
    """After a break it looks at everything, and hears again."""
    made = conversation()
    async with listening(two) as heard:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'handoff-listener-%'"
            " AND datname = current_database()"
        )
        await connection.close()
        assert await heard.next() == News(None)
        await one.commit(first(made))
        assert await heard.next() == News(frozenset({made.id}))


async def test_two_inboxes_lose_and_double_nothing(one: PostgresStore, two: PostgresStore) -> None:
    """Every fact reaches both instances, in their own order; each is taken once, and the log
    has no gap.
    """
    made = conversation()
    await one.commit(first(made))
    numbers = range(60)

    async def take(store: PostgresStore, number: int) -> None:
        while True:
            key = f"key {number}"
            found = await store.load(
                Wanted(conversations=frozenset({made.id}), keys=frozenset({key}))
            )
            if key in found.facts:
                return
            state = found.conversations[made.id]
            after = changed(state, seq=state.seq + 1, cursor=state.cursor + 1)
            said = message(state, after.seq, text=key)
            with suppress(Moved):
                await store.commit(later(state, after, facts=[fact(made, key)], messages=[said]))

    async def work(store: PostgresStore, order: list[int]) -> None:
        for number in order:
            await take(store, number)

    async with asyncio.timeout(40):
        await asyncio.gather(work(one, [*numbers]), work(two, [*reversed(numbers)]))
    log = await one.history(made.id, 0, 1000)
    assert [said.seq for said in log] == [number + 1 for number in numbers]
    assert sorted(said.text for said in log) == sorted(f"key {number}" for number in numbers)
