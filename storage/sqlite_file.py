"""A SQLite file: opened with care, owned by one program, never made anew over a damaged one.

WAL with synchronous=FULL: what was committed has been synced. One connection writes and is the
only one to checkpoint.
"""

import fcntl
import logging
import os
import socket
import sqlite3
from pathlib import Path

from bridge.domain.errors import ConfigurationError, StoreUnavailable

log = logging.getLogger(__name__)

MEMORY = ":memory:"

WAL_RESET_FIXED = (3, 51, 3)
"""SQLite 3.7.0 to 3.51.2 can damage a WAL database when two connections write or checkpoint at
the same moment (sqlite.org, news of March 2026). One writing connection keeps clear of it."""

BUSY_MS = 5_000
STATEMENTS = 256

_SETTING = "HANDOFF_DATABASE_URL"


def refuse(problem: str) -> ConfigurationError:
    """Return the error for a database that cannot be used as it is set."""
    return ConfigurationError([f"{_SETTING}: {problem}"])


def warn_of_old_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Log a warning when SQLite is older than the version that mended the WAL-reset bug."""
    old = version < WAL_RESET_FIXED
    if old:
        log.warning(
            "this SQLite has the WAL-reset bug, mended in 3.51.3; "
            "let no other program write to the database",
            extra={"action": "sqlite_old", "version": ".".join(map(str, version))},
        )
    return old


class FileLock:
    """The lock beside a database file: whoever holds it is the only program that writes.

    It ends with the process, however that ends. The file also remembers that the database was
    made, so that an emptied one is noticed.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock; raises `ConfigurationError` when another program has it."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise refuse(
                f"the lock file {self._path} cannot be written ({problem.strerror}); "
                "the database's folder must be writable for this program"
            ) from problem
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            holder = os.pread(file, 200, 0).decode(errors="replace").partition("\n")[0]
            os.close(file)
            raise refuse(
                f"another instance is using this SQLite file ({holder or 'unknown'}); "
                "stop it first, or use PostgreSQL for several instances"
            ) from problem
        self._file = file

    @property
    def was_made(self) -> bool:
        """Whether the database was made before by whoever held this lock."""
        return self._file is not None and b"\nmade\n" in os.pread(self._file, 200, 0)

    def sign(self) -> None:
        """Write down who holds the lock, and that the database is made."""
        if self._file is not None:
            text = f"process {os.getpid()} on {socket.gethostname()}\nmade\n".encode()
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text, 0)

    def release(self) -> None:
        """Let the next program in."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def check_place(path: Path, *, was_made: bool) -> None:
    """Raise an error that says what to do when there can be no sound database at `path`."""
    wal = path.with_name(path.name + "-wal")
    is_empty = not path.exists() or path.stat().st_size == 0
    if is_empty and wal.exists() and wal.stat().st_size > 0:
        raise StoreUnavailable(
            f"{path} is missing or empty but {wal.name} holds its last changes: put the database "
            "back from a backup, or move both away to start with an empty one"
        )
    if path.exists() and is_empty and was_made:
        raise StoreUnavailable(
            f"{path} was a database and is an empty file now: put it back from a backup, or "
            "delete it to start with an empty one"
        )


def check_folder(path: Path) -> None:
    """Raise `ConfigurationError` when the database's folder is missing or read-only."""
    folder = path.parent
    if not folder.is_dir():
        raise refuse(f"the folder {folder} does not exist; make it, or name another")
    if path.is_dir():
        raise refuse(f"{path} is a folder; name a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise refuse(f"the folder {folder} is read-only for this program; make it writable")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise refuse(f"{path} is read-only for this program; make it writable")


def open_writer(path: str) -> sqlite3.Connection:
    """Return the connection that writes; raises `StoreUnavailable` for a damaged file."""
    if path != MEMORY and not Path(path).exists():
        # What customers say is nobody else's to read on this machine.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = _connect(path)
    try:
        if path != MEMORY:
            _check_pages(connection, path)
        _tune(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_beside(path: str) -> sqlite3.Connection:
    """Return a connection that only reads, beside the one that writes."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def open_from_outside(path: str) -> sqlite3.Connection:
    """Return a read-only connection to a file that another program may be writing."""
    if not Path(path).is_file():
        raise refuse(f"there is no database {path}")
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    connection = _connect(uri, uri=True)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=STATEMENTS, uri=uri)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return connection


def _check_pages(connection: sqlite3.Connection, path: str) -> None:
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as problem:
        if problem.sqlite_errorname not in {"SQLITE_CORRUPT", "SQLITE_NOTADB"}:
            raise
        found = str(problem)
    if found != "ok":
        raise StoreUnavailable(
            f"the database {path} is damaged ({' '.join(found.split())}); it was left as it is: "
            "move it away and put a backup in its place"
        )


def _tune(connection: sqlite3.Connection, path: str) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal" and path != MEMORY:
        raise refuse(f"{path} stands on a file system without shared memory; use a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA mmap_size = 0")
    # What is deleted is overwritten, not only unlinked.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32768")
