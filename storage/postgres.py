"""The store on PostgreSQL: one connection that commits, a few that read.

Theory of operation. A `Write` is one transaction of as few statements as its order allows, over
arrays of rows, ended by one notice to the other instances. When the connection breaks while COMMIT
is under way, nobody knows whether it was stored: the old connection is ended on the server's side
and the server is asked what became of that transaction. Several instances share the outgoing work
in shards under leases: a lease's epoch grows with every new owner, and a write that was decided
under an older one is refused in its own transaction.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from bridge.domain.errors import StoreUnavailable
from bridge.domain.ids import ConversationId
from bridge.ports.store import Moved, News, ShardLost, Tenure, Write
from storage import leases, schema
from storage.outcome import Attempt, has_landed
from storage.postgres_link import (
    AGAIN,
    FAILURES,
    NOT_FOUND,
    OLDEST,
    Connection,
    Link,
    explained,
    translated,
)
from storage.postgres_plan import Notice, Query, queries
from storage.reading import Reading, Rows
from storage.shards import LEASE, lost_fences
from storage.sqlite_file import refuse
from storage.statements import Work, erasing, planned
from storage.store import Reader, SqlStore
from storage.wakeup import Ear, listed

log = logging.getLogger(__name__)

Result = TypeVar("Result")

READERS = 3
"""Connections that read side by side."""

MOST_TRIES = 5
"""Times a transaction is run that others' transactions got in the way of."""


async def run_reading(connection: Connection, asking: Reading[Result]) -> Result:
    """Run a read to its end."""
    try:
        query, values = next(asking)
        while True:
            try:
                rows = cast("Rows", await connection.fetch(query, *values))
            except NOT_FOUND:
                rows = []
            query, values = asking.send(rows)
    except StopIteration as end:
        result: Result = end.value
        return result


class PostgresReader(Reader):
    """Reads a PostgreSQL database that other programs may be writing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._links = [Link(url, "reader") for _ in range(READERS)]
        self._free: asyncio.LifoQueue[Link] = asyncio.LifoQueue()

    async def open(self) -> None:
        """Connect; raises `ConfigurationError` when the schema is not this program's."""
        for link in self._links:
            self._free.put_nowait(link)
        connection = await self._links[-1].get()
        try:
            version = connection.get_server_version()
            if version.major * 10000 < OLDEST:
                raise refuse(f"PostgreSQL 13 or newer is needed, this one is {version.major}")
            await schema.expect_current_postgres(connection)
        except FAILURES as problem:
            raise StoreUnavailable(explained(problem)) from problem

    async def close(self) -> None:
        """Disconnect."""
        for link in self._links:
            await link.close()

    async def _read(self, asked: Reading[Result], *, as_one: bool = False) -> Result:
        link = await self._free.get()
        try:
            connection = await link.get()
            if not as_one:
                return await run_reading(connection, asked)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await run_reading(connection, asked)
        except FAILURES as problem:
            raise StoreUnavailable(explained(problem)) from problem
        finally:
            self._free.put_nowait(link)


class PostgresStore(SqlStore, PostgresReader):
    """The store on PostgreSQL; several instances may share one database."""

    shared = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._instance = secrets.token_hex(8)
        self._writer = Link(url, "writer")
        self._keeper = Link(url, "keeper")
        self._asking = Link(url, "inquirer")
        self._hearing = Link(url, "listener")
        self._ear = Ear(self._hearing, self._instance)
        self._turn = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._host = socket.gethostname()

    async def open(self) -> None:
        """Connect; raises `ConfigurationError` when `handoff migrate` has not been run."""
        try:
            await super().open()
            await leases.make_shards(await self._keeper.get())
        except FAILURES as problem:
            await self._disconnect()
            raise StoreUnavailable(explained(problem)) from problem
        except BaseException:
            await self._disconnect()
            raise

    async def close(self) -> None:
        """Give every shard back and disconnect."""
        if self._keeper.is_closed:
            return
        try:
            await leases.leave(await self._keeper.get(), self._instance)
        except (*FAILURES, StoreUnavailable) as problem:
            log.warning(
                "shards not given back; others take them when the lease ends",
                extra={"action": "store_close", "why": str(problem)},
            )
        await self._disconnect()

    async def _disconnect(self) -> None:
        for link in (self._writer, self._keeper, self._asking, self._hearing):
            await link.close()
        await super().close()

    async def commit(self, write: Write) -> None:
        """Store a batch durably, all or nothing; see the port for what it raises."""
        await self._store(write, planned(write), write.conversations)

    async def erase(self, conversation_id: ConversationId) -> None:
        """Erase a conversation and all that belongs to it; the other instances hear of it."""
        await self._store(Write(), erasing(conversation_id), [conversation_id])

    async def _store(
        self, write: Write, work: list[Work], changed: Iterable[ConversationId]
    ) -> None:
        async with self._turn:
            for _ in range(MOST_TRIES):
                attempt = Attempt(write, work, listed(changed))
                if await self._attempt(attempt):
                    return
        raise StoreUnavailable("other transactions kept getting in the way of this one")

    async def _attempt(self, attempt: Attempt) -> bool:
        """Run the transaction; returns False when it must be run again."""
        connection = await self._writer.get()
        attempt.connection = self._writer.name
        try:
            await self._transact(connection, attempt)
        except AGAIN:
            await self._undo(connection)
            return False
        except (Moved, ShardLost):
            await self._undo(connection)
            raise
        except (*FAILURES, UnicodeEncodeError) as problem:
            if attempt.transaction:
                return await self._look_up(attempt, problem)
            await self._undo(connection)
            raise translated(problem) from problem
        except BaseException:
            self._writer.drop()
            raise
        return True

    async def _transact(self, connection: Connection, attempt: Attempt) -> None:
        await connection.execute("BEGIN")
        notice = Notice(self._instance, self._host, attempt.changed)
        *first, last = queries(attempt.work, attempt.write.fences, notice)
        for query in first:
            await _run(connection, query)
        attempt.transaction = await _run(connection, last)
        await connection.execute("COMMIT")

    async def _undo(self, connection: Connection) -> None:
        try:
            await connection.execute("ROLLBACK")
        except FAILURES:
            self._writer.drop()

    async def _look_up(self, attempt: Attempt, problem: BaseException) -> bool:
        """Find out whether a transaction was stored whose COMMIT got no answer."""
        self._writer.drop()
        log.warning(
            "connection lost at COMMIT; looking the outcome up",
            extra={"action": "commit_unanswered", "why": str(problem)},
        )
        if await has_landed(self._asking, attempt):
            return True
        raise StoreUnavailable(explained(problem)) from problem

    async def time(self) -> float | None:
        """Return the server's clock, by which all instances go."""
        return await self._read(leases.time())

    async def tenure(self) -> Tenure:
        """Renew this instance's leases, take free shards up to a fair share, return all it owns."""
        try:
            async with asyncio.timeout(leases.LONGEST), self._keeping:
                connection = await self._keeper.get()
                owned = await leases.renew(connection, self._instance, self._host)
                return Tenure(owned, LEASE)
        except FAILURES as problem:
            raise StoreUnavailable(explained(problem)) from problem

    def listen(self, listener: Callable[[News], None]) -> None:
        """Call `listener` when another instance committed something."""
        self._ear.listen(listener)

    async def run(self) -> None:
        """Notice what other instances commit, until cancelled."""
        await self._ear.run()


async def _run(connection: Connection, query: Query) -> str:
    """Run a query and return the transaction's number if it tells that.

    Raises `ShardLost` or `Moved` when what it found is not as it was decided on.
    """
    row = await connection.fetchrow(query.text, *query.values)
    held, changed, number = row or ((), [], "")
    lost = lost_fences(query.fences, dict(held or ()))
    if lost:
        raise ShardLost(lost)
    if any(
        wanted not in {None, found} for wanted, found in zip(query.changes, changed, strict=True)
    ):
        raise Moved("a conversation has moved")
    return number or ""
