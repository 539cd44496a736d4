"""What runs in a thread that has a SQLite connection: whole reads, whole writes, their errors."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bridge.domain.errors import StoreUnavailable
from bridge.ports.store import Moved, Unstorable, Write
from storage.queries import for_sqlite as asked
from storage.queries import sqlite_values
from storage.reading import Reading
from storage.statements import Work, flattened, for_sqlite, planned

Result = TypeVar("Result")

MOST_ROWS = 64
"""Rows in one statement; larger writes take several, so that few statements are ever compiled."""

_TAKEN = frozenset(
    {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_FOREIGNKEY"}
)

_FATAL = frozenset(
    {"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB"}
)

_WHY = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_BUSY": "another program keeps the database locked",
    "SQLITE_READONLY": "the database has become read-only",
    "SQLITE_CANTOPEN": "the database file cannot be opened",
    "SQLITE_IOERR": "the disk reports an error",
    "SQLITE_CORRUPT": "the database file is damaged",
    "SQLITE_NOTADB": "the file is not a database",
}


def explained(problem: sqlite3.Error) -> str:
    """Return what a SQLite error means for whoever runs the program."""
    name = getattr(problem, "sqlite_errorname", "")
    known = [why for code, why in _WHY.items() if name.startswith(code)]
    return f"{known[0]} ({problem})" if known else str(problem)


def is_fatal(problem: sqlite3.Error) -> bool:
    """Return whether nobody knows any more what is on the disk."""
    return getattr(problem, "sqlite_errorname", "") in _FATAL


class Threaded:
    """A connection that lives in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Connect, in the thread."""
        self._connection = await self._call(connect)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what `work` returns, run in the thread."""
        connection = self._connection
        if connection is None:
            raise StoreUnavailable("the database is closed")
        return await self._call(lambda: work(connection))

    async def _call(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._call(connection.close)
        self._executor.shutdown(wait=False)


def run_reading(connection: sqlite3.Connection, asking: Reading[Result]) -> Result:
    """Run a read to its end, all of it over one snapshot."""
    connection.execute("BEGIN")
    try:
        query, values = next(asking)
        while True:
            try:
                rows = connection.execute(asked(query), sqlite_values(values)).fetchall()
            except (OverflowError, UnicodeEncodeError):
                # What no database can hold is not found.
                rows = []
            query, values = asking.send(rows)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        connection.execute("COMMIT")


def store(connection: sqlite3.Connection, write: Write) -> None:
    """Store a write in one transaction; raises `Moved`, `Unstorable` or a SQLite error."""
    transact(connection, planned(write))


def transact(connection: sqlite3.Connection, work: Sequence[Work]) -> None:
    """Do work in one transaction; raises `Moved`, `Unstorable` or a SQLite error."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        for item in work:
            _run(connection, item)
        connection.execute("COMMIT")
    except sqlite3.IntegrityError as problem:
        if problem.sqlite_errorname in _TAKEN:
            raise Moved(str(problem)) from problem
        raise Unstorable(str(problem)) from problem
    except (UnicodeEncodeError, OverflowError, sqlite3.DataError) as problem:
        raise Unstorable(f"a value cannot be stored: {problem}") from problem
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _run(connection: sqlite3.Connection, work: Work) -> None:
    before = connection.total_changes
    rows, start = work.rows, 0
    while start < len(rows):
        # Sizes are powers of two, so that each statement is compiled a handful of times at most.
        count = min(1 << ((len(rows) - start).bit_length() - 1), MOST_ROWS)
        part = rows[start : start + count]
        connection.execute(for_sqlite(work.statement, count), flattened(part))
        start += count
    if work.exact and connection.total_changes - before != len(rows):
        raise Moved("a conversation has moved")
