"""Opens the database a URL names. The only file that knows every kind of database."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bridge.domain.errors import ConfigurationError, StoreUnavailable
from storage.sqlite import SqliteReader, SqliteStore
from storage.sqlite_file import MEMORY, check_folder, refuse
from storage.store import Reader, SqlStore

_POSTGRES = frozenset({"postgresql", "postgres"})


def sqlite_path(url: str) -> str | None:
    """Return the path a SQLite URL names, `:memory:` for one in memory, or None for other URLs.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` and `sqlite:///:memory:`.
    """
    if not url.startswith("sqlite:"):
        return None
    rest = url.removeprefix("sqlite:")
    if rest in {"//", "///", f"///{MEMORY}"}:
        return MEMORY
    if not rest.startswith("///") or "?" in rest:
        raise refuse(
            "write sqlite:///folder/file.db, or with four slashes for a path from the root"
        )
    return unquote(rest[3:])


def open_store(url: str) -> SqlStore:
    """Return the store of a database, to be opened as an async context manager.

    Opening raises `ConfigurationError` when the database cannot be used as it is set and
    `StoreUnavailable` when it is damaged or cannot be reached.
    """
    path = sqlite_path(url)
    if path is not None:
        return SqliteStore(path)
    return _postgres(url)


def is_to_be_made(url: str) -> bool:
    """Return whether a URL names a SQLite file that the first start will make."""
    path = sqlite_path(url)
    if path is None or path == MEMORY or Path(path).exists():
        return False
    try:
        check_folder(Path(path))
    except ConfigurationError:
        return False
    return True


def open_reader(url: str) -> Reader:
    """Return read-only access to a database whose program may be running meanwhile."""
    path = sqlite_path(url)
    if path is not None:
        return SqliteReader(path)
    return _postgres(url)


def migrate(url: str) -> None:
    """Bring a database up to date; nothing happens to one that is. Not for a running event loop.

    Raises `ConfigurationError` for a database newer than this program or in use, and
    `StoreUnavailable` when it cannot be reached.
    """
    asyncio.run(_migrate(url))


async def _migrate(url: str) -> None:
    store = open_store(url)
    if isinstance(store, SqliteStore):
        async with store:
            return
    from storage.postgres_link import FAILURES, explained  # noqa: PLC0415
    from storage.schema import migrate_postgres  # noqa: PLC0415

    try:
        await migrate_postgres(url)
    except FAILURES as problem:
        raise StoreUnavailable(explained(problem)) from problem


def _postgres(url: str) -> SqlStore:
    if urlsplit(url).scheme not in _POSTGRES:
        raise refuse("a URL that begins with sqlite:/// or postgresql:// is needed")
    from storage.postgres import PostgresStore  # noqa: PLC0415 (SQLite does without its driver)

    return PostgresStore(url)


def files_folder(url: str) -> Path | None:
    """Return the folder for files beside a SQLite file, or None: a folder must be named."""
    path = sqlite_path(url)
    if path is None or path == MEMORY:
        return None
    return Path(path).with_name(Path(path).name + ".files")
