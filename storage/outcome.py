"""What became of a transaction whose COMMIT got no answer: looked up, never assumed."""

import asyncio
from dataclasses import dataclass

import asyncpg

from bridge.domain.errors import StoreUnavailable
from bridge.ports.store import Write
from storage.postgres_link import FAILURES, Connection, Link
from storage.statements import Work

PATIENCE = 5.0
"""Seconds the look-up may take; after that the sender must come again, which keys make harmless."""

PAUSE = 0.2

# The old connection may still be busy with our COMMIT; ended, it has either stored all or nothing.
_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = $1 AND pid <> pg_backend_pid()"
)
_STATUS = "SELECT pg_xact_status($1::text::xid8)"
_KEYS = "SELECT count(*) FROM fact WHERE key = ANY($1)"
_VERSIONS = (
    "SELECT count(*) FROM unnest($1::text[], $2::bigint[]) AS v (id, version)"
    " JOIN conversation c ON c.id = v.id AND c.version >= v.version"
)


@dataclass(slots=True)
class Attempt:
    """One run of a transaction.

    `changed` is what the others are told, `connection` the name of the one it runs on, and
    `transaction` the number the server gave it, known once COMMIT is next.
    """

    write: Write
    work: list[Work]
    changed: str
    connection: str = ""
    transaction: str = ""


async def has_landed(link: Link, attempt: Attempt) -> bool:
    """Return whether everything of an attempt is stored.

    Raises `StoreUnavailable` when nobody could be asked in time.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                known = await _asked(link, attempt)
                if known is not None:
                    return known
                await asyncio.sleep(PAUSE)
    except TimeoutError as problem:
        raise StoreUnavailable("the outcome of a commit could not be looked up") from problem


async def _asked(link: Link, attempt: Attempt) -> bool | None:
    """Return the outcome, or None while it cannot be told."""
    try:
        connection = await link.get()
        if await connection.fetch(_END, attempt.connection):
            return None
        status = await _status(connection, attempt.transaction)
        if status == "in progress":
            return None
        return status != "aborted" and await _is_there(connection, attempt.write, status)
    except (*FAILURES, StoreUnavailable):
        link.drop()
        return None


async def _status(connection: Connection, transaction: str) -> str | None:
    try:
        status: str | None = await connection.fetchval(_STATUS, transaction)
    except (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.DataError):
        # Unknown to this server: a standby took over before it had heard of the transaction.
        return None
    return status


async def _is_there(connection: Connection, write: Write, status: str | None) -> bool:
    """Check by what it would have stored: after a failover numbers may have been given anew."""
    if write.facts:
        keys = [fact.key for fact in write.facts]
        return bool(await connection.fetchval(_KEYS, keys) == len(keys))
    if write.conversations:
        after = [state for _, state in write.conversations.values()]
        ids, versions = [c.id for c in after], [c.version for c in after]
        return bool(await connection.fetchval(_VERSIONS, ids, versions) == len(ids))
    return status == "committed"
