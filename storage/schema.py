"""The schema's version: what this program needs, what a database has, and how to bring it there.

A database that is up to date is opened without loading the migrations.
"""

import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config

    from storage.postgres_link import Connection

HEAD = "0003"
"""The newest migration; a test compares it with the files."""

FOLDER = Path(__file__).parent / "migrations"

# Alembic keeps what it works on in module globals.
_one_at_a_time = threading.Lock()

_VERSION = "SELECT version_num FROM alembic_version"


def not_current(found: str | None) -> ConfigurationError:
    """Return the error for a database whose schema is not the one this program needs."""
    if found is None:
        told = "the database has no tables yet"
    else:
        told = f"the database's schema is {found}, this program needs {HEAD}"
    mend = "run `handoff migrate`" if found is None or found < HEAD else "use a newer version"
    return ConfigurationError([f"HANDOFF_DATABASE_URL: {told}; {mend}"])


def sqlite_version(connection: sqlite3.Connection) -> str | None:
    """Return the version of a SQLite database's schema, or None when it has no tables."""
    tables = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    ).fetchone()
    row = connection.execute(_VERSION).fetchone() if tables[0] else None
    return str(row[0]) if row else None


def expect_current_sqlite(connection: sqlite3.Connection) -> None:
    """Raise `ConfigurationError` unless the schema is the one this program needs."""
    found = sqlite_version(connection)
    if found != HEAD:
        raise not_current(found)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Run the migrations a SQLite database lacks, in one transaction."""
    found = sqlite_version(connection)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise not_current(found)
    from sqlalchemy import create_engine  # noqa: PLC0415 (only when there is something to do)
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as bound:
        bound.exec_driver_sql("BEGIN IMMEDIATE")
        upgrade(bound)
        bound.commit()


def upgrade(bound: Any) -> None:  # noqa: ANN401 (an SQLAlchemy connection, which is not loaded here)
    """Run the migrations over an open SQLAlchemy connection, inside its transaction."""
    from alembic import command  # noqa: PLC0415

    with _one_at_a_time:
        settings = alembic_config()
        settings.attributes["connection"] = bound
        command.upgrade(settings, "head")


def alembic_config() -> "Config":
    """Return Alembic's settings: where the migrations stand."""
    from alembic.config import Config  # noqa: PLC0415

    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    return settings


async def expect_current_postgres(connection: "Connection") -> None:
    """Raise `ConfigurationError` unless the schema is the one this program needs."""
    is_there = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    found = await connection.fetchval(_VERSION) if is_there else None
    if found != HEAD:
        raise not_current(found)


async def migrate_postgres(url: str) -> None:
    """Run the migrations a PostgreSQL database lacks, in one transaction, one program at a time."""
    import asyncpg  # noqa: PLC0415
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as bound:
        await bound.execute(text("SELECT pg_advisory_xact_lock(hashtext('handoff migrate'))"))
        await bound.run_sync(upgrade)
