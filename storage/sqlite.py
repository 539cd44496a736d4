"""The store on SQLite: one thread that owns the file and writes, one that reads.

Theory of operation. A `Write` is one transaction, run from BEGIN to COMMIT in the writer's thread
with a single hand-over; the caller gathers facts into writes while the last one syncs. Reads run on
a connection of their own and see the last commit. A second program is refused by a lock beside the
file and, where file locks do not reach, by a row that its owner keeps fresh. After a failed sync
nobody knows what is on the disk, so the store takes nothing more until the program starts again
and the file is checked.
"""

import logging
import secrets
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bridge.domain.errors import StoreUnavailable
from bridge.domain.ids import ConversationId
from bridge.domain.shards import SHARDS
from bridge.ports.store import News, ShardLost, Tenure, Write
from storage import schema, sqlite_file
from storage.reading import Reading
from storage.shards import LEASE, lost_fences
from storage.sqlite_file import MEMORY, FileLock
from storage.sqlite_thread import Threaded, explained, is_fatal, run_reading, store, transact
from storage.statements import erasing
from storage.store import Reader, SqlStore

log = logging.getLogger(__name__)

Result = TypeVar("Result")

NOW = "(julianday('now') - 2440587.5) * 86400.0"

LARGE_WAL = 64 * 1024 * 1024
"""Bytes of WAL from which we warn: somebody holds an old snapshot and checkpoints cannot pass."""


class SqliteReader(Reader):
    """Reads a file that another program may be writing; takes no lock and changes nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._reader = Threaded("storage-reader")

    async def open(self) -> None:
        """Connect read-only; raises `ConfigurationError` when there is no such file."""
        try:
            await self._reader.open(lambda: sqlite_file.open_from_outside(self._path))
            await self._reader.run(schema.expect_current_sqlite)
        except sqlite3.Error as problem:
            await self.close()
            raise StoreUnavailable(explained(problem)) from problem
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        await self._reader.close()

    async def _read(self, asked: Reading[Result], *, as_one: bool = False) -> Result:
        del as_one  # Every read here sees one moment.
        try:
            return await self._reader.run(lambda connection: run_reading(connection, asked))
        except sqlite3.Error as problem:
            raise StoreUnavailable(explained(problem)) from problem


class SqliteStore(SqlStore, SqliteReader):
    """The store on a SQLite file, or in memory."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._in_memory = path == MEMORY
        self._writer = Threaded("storage-writer")
        if self._in_memory:
            self._reader = self._writer
        self._lock = FileLock(Path(path))
        self._instance = secrets.token_hex(8)
        self._epochs: dict[int, int] = {}
        self._broken = ""

    async def open(self) -> None:
        """Take the file, check it, bring its schema up to date.

        Raises `ConfigurationError` for a file that cannot be used (another instance, no folder,
        read-only) and `StoreUnavailable` for a damaged one.
        """
        sqlite_file.warn_of_old_version()
        try:
            await self._open()
        except sqlite3.Error as problem:
            await self.close()
            raise StoreUnavailable(explained(problem)) from problem
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        if not self._in_memory:
            sqlite_file.check_folder(Path(self._path))
            self._lock.take()
            sqlite_file.check_place(Path(self._path), was_made=self._lock.was_made)
        await self._writer.open(lambda: sqlite_file.open_writer(self._path))
        await self._writer.run(schema.bring_up_to_date)
        self._epochs = await self._writer.run(self._take_over)
        if not self._in_memory:
            self._lock.sign()
            await self._reader.open(lambda: sqlite_file.open_beside(self._path))

    def _take_over(self, connection: sqlite3.Connection) -> dict[int, int]:
        """Become the instance of this file; every shard begins a new epoch."""
        host = socket.gethostname()
        connection.execute("BEGIN IMMEDIATE")
        try:
            other = connection.execute(
                f"SELECT host FROM instance WHERE host <> ? AND seen_at > {NOW} - ?",  # noqa: S608
                (host, LEASE),
            ).fetchone()
            if other is not None:
                raise sqlite_file.refuse(
                    f"an instance on {other[0]} is using this SQLite file; if it was killed, "
                    f"wait {LEASE:.0f} seconds"
                )
            self._enter(connection, host)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return dict(connection.execute("SELECT id, epoch FROM shard").fetchall())

    def _enter(self, connection: sqlite3.Connection, host: str) -> None:
        connection.execute("DELETE FROM instance")
        connection.execute(
            f"INSERT INTO instance (id, host, started_at, seen_at, commits)"  # noqa: S608
            f" VALUES (?, ?, {NOW}, {NOW}, 0)",
            (self._instance, host),
        )
        connection.executemany(
            f"INSERT INTO shard (id, owner, epoch, until) VALUES (?, ?, 1, {NOW})"  # noqa: S608
            " ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, epoch = shard.epoch + 1,"
            " until = excluded.until",
            [(shard, self._instance) for shard in range(SHARDS)],
        )

    async def close(self) -> None:
        """Leave the file to the next program, everything in it checkpointed."""
        if self._reader is not self._writer:
            await self._reader.close()
        try:
            await self._writer.run(self._leave)
        except (sqlite3.Error, StoreUnavailable) as problem:
            log.debug("left without a word", extra={"action": "store_close", "why": str(problem)})
        await self._writer.close()
        self._lock.release()

    def _leave(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM instance WHERE id = ?", (self._instance,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def commit(self, write: Write) -> None:
        """Store a batch durably, all or nothing; see the port for what it raises."""
        self._refuse_when_broken()
        lost = lost_fences(write.fences, self._epochs)
        if lost:
            raise ShardLost(lost)
        await self._guarded(lambda connection: store(connection, write))

    async def erase(self, conversation_id: ConversationId) -> None:
        """Erase a conversation and all that belongs to it, out of the file as well."""
        self._refuse_when_broken()
        await self._guarded(lambda connection: _erase(connection, conversation_id))

    def _refuse_when_broken(self) -> None:
        if self._broken:
            raise StoreUnavailable(self._broken)

    async def _guarded(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in the writer's thread; after an error no disk recovers from, be broken."""
        try:
            return await self._writer.run(work)
        except sqlite3.Error as problem:
            why = explained(problem)
            if is_fatal(problem):
                self._broken = f"{why}; nothing is taken until the program is started again"
                log.critical("database broken", extra={"action": "store_broken", "why": why})
                raise StoreUnavailable(self._broken) from problem
            raise StoreUnavailable(why) from problem

    async def tenure(self) -> Tenure:
        """Say that this instance is alive; it owns every shard."""
        self._refuse_when_broken()
        if not await self._guarded(self._renew):
            self._broken = "another instance has taken this SQLite file over"
            raise StoreUnavailable(self._broken)
        self._watch_wal()
        return Tenure(dict(self._epochs))

    def _renew(self, connection: sqlite3.Connection) -> bool:
        age = connection.execute(
            f"SELECT {NOW} - seen_at FROM instance WHERE id = ?",  # noqa: S608
            (self._instance,),
        ).fetchone()
        if age is None:
            return False
        if not 0 <= age[0] < LEASE / 4:
            # Every write is a sync: not at each call, but well inside the lease.
            connection.execute(f"UPDATE instance SET seen_at = {NOW}")  # noqa: S608
        return True

    def _watch_wal(self) -> None:
        wal = Path(self._path + "-wal")
        size = wal.stat().st_size if not self._in_memory and wal.exists() else 0
        if size > LARGE_WAL:
            log.warning(
                "the WAL grows: another program holds an old snapshot of the database",
                extra={"action": "wal_large", "bytes": size},
            )

    def listen(self, listener: Callable[[News], None]) -> None:
        """Do nothing: there is no other instance."""

    async def run(self) -> None:
        """Return at once: there is no other instance to hear of."""


def _erase(connection: sqlite3.Connection, conversation_id: ConversationId) -> None:
    transact(connection, erasing(conversation_id))
    # What is erased must not live on in the WAL.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
