"""A connection to PostgreSQL that is made anew when it was lost, and what its errors mean."""

import asyncio
import os
import secrets
import socket
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from bridge.domain.errors import BridgeError, StoreUnavailable
from bridge.ports.store import Moved, Unstorable
from storage.sqlite_file import refuse

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection: TypeAlias = asyncpg.Connection

OLDEST = 130000
"""PostgreSQL 13: the first with `pg_current_xact_id` and `pg_xact_status` over xid8."""

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0

MOST_TEXTS = 256
"""Statements kept with their plans; a write has one text for each mix of tables it changes."""

# Longer than any statement of ours takes, shorter than a sender waits for us.
_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}

# What was acknowledged must have been synced, whatever the server's default is.
_SYNCED = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)

FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # A statement begun while the server's word that the session is over is still being read.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""Whatever can go wrong between us and the server."""

AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""Surely not stored, because of somebody else's transaction: run it again."""

_TAKEN = (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError)

_IMPOSSIBLE = (
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.IntegrityConstraintViolationError,
    UnicodeEncodeError,
)

NOT_FOUND = (asyncpg.DataError, UnicodeEncodeError)
"""Raised for values that no database holds: nothing is stored under them."""

_MISSET = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
)

_WHY = {
    asyncpg.DiskFullError: "the database server's disk is full",
    asyncpg.LockNotAvailableError: "the database is locked by somebody else",
    asyncpg.QueryCanceledError: "the database is too slow",
    asyncpg.TooManyConnectionsError: "the database server takes no more connections",
    asyncpg.CannotConnectNowError: "the database server is starting or stopping",
    asyncpg.ReadOnlySQLTransactionError: "the database server is a read-only standby",
    asyncpg.UndefinedTableError: "the database lacks a table: run `handoff migrate`",
}


def explained(problem: BaseException) -> str:
    """Return what an error means for whoever runs the program."""
    told = _told(problem)
    known = [why for kind, why in _WHY.items() if isinstance(problem, kind)]
    return f"{known[0]} ({told})" if known else f"the database cannot be reached: {told}"


def _told(problem: BaseException) -> str:
    if isinstance(problem, socket.gaierror):
        return "its name cannot be looked up"
    if isinstance(problem, TimeoutError):
        return "it did not answer in time"
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno).lower()
    return str(problem) or type(problem).__name__


def translated(problem: BaseException) -> BridgeError:
    """Return the error of the store port that an error of a statement is."""
    if isinstance(problem, _TAKEN):
        return Moved(str(problem))
    if isinstance(problem, _IMPOSSIBLE):
        return Unstorable(f"a value cannot be stored: {problem}")
    return StoreUnavailable(explained(problem))


class Link:
    """One connection, made when it is first needed and again whenever it is gone."""

    def __init__(self, url: str, role: str) -> None:
        self._url = url
        self._role = role
        self._connection: Connection | None = None
        self.name = ""
        self.is_closed = False

    async def get(self) -> Connection:
        """Return the connection.

        Raises `StoreUnavailable` when the server cannot be reached and `ConfigurationError` when
        it does not let us in.
        """
        if self.is_closed:
            raise StoreUnavailable("the database is closed")
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> Connection:
        # The name tells our own dead connections from everybody else's; PostgreSQL keeps 63 bytes.
        self.name = f"handoff-{self._role}-{secrets.token_hex(8)}"
        try:
            connection: Connection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_SECONDS,
                command_timeout=ANSWER_SECONDS,
                statement_cache_size=MOST_TEXTS,
                server_settings={**_SETTINGS, "application_name": self.name},
            )
            await self._begin(connection)
        except _MISSET as problem:
            raise refuse(f"PostgreSQL does not let us in: {problem}") from problem
        except ValueError as problem:
            raise refuse(f"this is no PostgreSQL URL: {problem}") from problem
        except FAILURES as problem:
            raise StoreUnavailable(explained(problem)) from problem
        return connection

    async def _begin(self, connection: Connection) -> None:
        """Set a connection up; one that nobody will hold is ended at once."""
        try:
            await connection.execute(_SYNCED)
            if self.is_closed:
                raise StoreUnavailable("the database is closed")
        except BaseException:
            connection.terminate()
            raise

    def drop(self) -> None:
        """Give the connection up at once: nobody knows what state it is in."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Say good-bye, or hang up when the server does not answer; for good."""
        self.is_closed = True
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.close()
        except FAILURES:
            connection.terminate()
