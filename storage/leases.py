"""Leases of shards in PostgreSQL, by the database's clock and under epochs it issues.

Whoever takes a shard raises its epoch in the same transaction, so that what its former owner
still wants to store about it is refused. Locks are taken in one order: shards, then instances.
"""

from bridge.domain.shards import SHARDS
from storage.postgres_link import Connection
from storage.reading import Reading
from storage.shards import LEASE, Lease, share_out

NOW = "extract(epoch FROM clock_timestamp())::double precision"

LONGEST = 10.0
"""Seconds a renewal may take, well inside the lease."""

_MAKE = (
    "INSERT INTO shard (id, owner, epoch, until)"
    " SELECT id, NULL, 0, 0 FROM generate_series(0, $1) AS id ON CONFLICT (id) DO NOTHING"
)
_LEASES = f"SELECT id, owner, epoch, until, {NOW} FROM shard ORDER BY id FOR UPDATE"  # noqa: S608
# A lease ends when it ends also if the server's clock was set back meanwhile.
_CLAMP = "UPDATE shard SET until = $1 WHERE until > $1"
_CLAMP_SEEN = "UPDATE instance SET seen_at = $1 WHERE seen_at > $1"
_SEEN = f"""
INSERT INTO instance (id, host, started_at, seen_at, commits) VALUES ($1, $2, {NOW}, {NOW}, 0)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
"""  # noqa: S608
# A commit alone is no sign of life: whoever does not renew takes no shard.
_GONE = "DELETE FROM instance WHERE seen_at < $1 AND started_at < $1"
_ALIVE = "SELECT count(*) FROM instance WHERE seen_at >= $1"
_KEEP = "UPDATE shard SET until = $2 WHERE id = ANY($1)"
_TAKE = "UPDATE shard SET owner = $3, epoch = epoch + 1, until = $2 WHERE id = ANY($1)"
_RELEASE = "UPDATE shard SET owner = NULL, until = 0 WHERE id = ANY($1)"
_LEAVE = "UPDATE shard SET owner = NULL, until = 0 WHERE owner = $1"
_FORGET = "DELETE FROM instance WHERE id = $1"


def time() -> Reading[float]:
    """Read the server's clock."""
    rows = yield f"SELECT {NOW}", ()
    found: float = rows[0][0]
    return found


async def make_shards(connection: Connection) -> None:
    """Make the shards' rows, those that are missing."""
    await connection.execute(_MAKE, SHARDS - 1)


async def renew(connection: Connection, me: str, host: str) -> dict[int, int]:
    """Keep a fair share of the shards; returns those owned now, each with its epoch."""
    async with connection.transaction():
        rows = await connection.fetch(_LEASES)
        now: float = rows[0][4]
        if any(row[3] > now + LEASE for row in rows):
            await connection.execute(_CLAMP, now + LEASE)
            await connection.execute(_CLAMP_SEEN, now)
        await connection.execute(_SEEN, me, host)
        await connection.execute(_GONE, now - LEASE)
        alive: int = await connection.fetchval(_ALIVE, now - LEASE)
        shares = share_out([Lease(*row[:4]) for row in rows], me, alive, now)
        until = now + LEASE
        await connection.execute(_KEEP, _ids(shares.keep), until)
        await connection.execute(_TAKE, _ids(shares.take), until, me)
        await connection.execute(_RELEASE, _ids(shares.release))
    kept = {lease.shard: lease.epoch for lease in shares.keep}
    return kept | {lease.shard: lease.epoch + 1 for lease in shares.take}


async def leave(connection: Connection, me: str) -> None:
    """Give every shard back and be gone."""
    async with connection.transaction():
        # In the order in which renewals lock them: the rows themselves may lie in any.
        await connection.execute(_LEASES)
        await connection.execute(_LEAVE, me)
        await connection.execute(_FORGET, me)


def _ids(leases: tuple[Lease, ...]) -> list[int]:
    return [lease.shard for lease in leases]
