"""One schema, said three times (migrations, rows, statements), and never differently."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from bridge.domain.errors import ConfigurationError
from storage import migrate, open_reader, open_store, schema
from storage.rows import METADATA
from storage.tables import INTEGER, REAL, TABLES, TEXT, TRUTH
from tests.databases import PostgresServer, sqlite_url

TYPES = {"TEXT": TEXT, "BIGINT": INTEGER, "DOUBLE": REAL, "BOOLEAN": TRUTH}


def differences(bound: Connection) -> list[object]:
    """Return in what a database differs from the rows."""
    context = MigrationContext.configure(bound, opts={"compare_type": True})
    return [*compare_metadata(context, METADATA)]


def test_statements_and_rows_name_the_same_columns() -> None:
    """A column added in one place and not in the other is noticed here."""
    rows = {
        name: {column.name: TYPES[str(column.type)] for column in table.columns}
        for name, table in METADATA.tables.items()
    }
    # The database numbers records by itself.
    del rows["record"]["id"]
    assert {table.name: table.columns for table in TABLES} == rows
    keys = {name: [c.name for c in table.primary_key] for name, table in METADATA.tables.items()}
    assert {table.name: list(table.key) for table in TABLES} == keys


def test_migrations_make_the_rows_on_sqlite() -> None:
    """What the migrations build is what the rows describe."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.bring_up_to_date(connection)
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as bound:
        assert differences(bound) == []
    connection.close()


@pytest.mark.postgres
async def test_migrations_make_the_rows_on_postgres(postgres_url: str) -> None:
    """The same on the other database."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(postgres_url),
        poolclass=NullPool,
    )
    async with engine.connect() as bound:
        assert await bound.run_sync(differences) == []


def test_the_newest_migration_is_the_one_the_program_needs() -> None:
    """The number in the program follows the files, and there is one line of them."""
    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.HEAD]


def migrate_by_hand(
    connection: sqlite3.Connection, step: Callable[[Config, str], None], to: str
) -> Engine:
    """Take a database up or down to a version; returns the engine over its connection."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as bound:
        settings = schema.alembic_config()
        settings.attributes["connection"] = bound
        step(settings, to)
        bound.commit()
    return engine


def test_migrations_can_be_taken_back() -> None:
    """Down to nothing and up again."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.bring_up_to_date(connection)
    migrate_by_hand(connection, command.downgrade, "base")
    left = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert left == [("alembic_version",)]
    schema.bring_up_to_date(connection)
    assert schema.sqlite_version(connection) == schema.HEAD
    connection.close()


def test_a_database_of_an_older_version_is_brought_up_to_date() -> None:
    """Step by step, what is in it kept: a version that was published stays a way in."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    engine = migrate_by_hand(connection, command.upgrade, "0001")
    connection.execute("INSERT INTO fact VALUES ('key', 'c_1', 0.0, 'ref', 1, 'digest')")
    schema.bring_up_to_date(connection)
    assert connection.execute("SELECT key FROM fact").fetchall() == [("key",)]
    with engine.connect() as bound:
        assert differences(bound) == []
    connection.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """Migrations are one transaction: a table in the way leaves the others unmade."""
    path = tmp_path / "handoff.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE shard (id TEXT)")
    with pytest.raises(Exception, match="shard already exists"):
        schema.bring_up_to_date(connection)
    connection.close()
    again = sqlite3.connect(path)
    assert again.execute("SELECT name FROM sqlite_master").fetchall() == [("shard",)]
    again.close()


def test_migrating_twice_is_migrating_once(tmp_path: Path) -> None:
    """`handoff migrate` may be run at any time."""
    migrate(sqlite_url(tmp_path))
    migrate(sqlite_url(tmp_path))
    connection = sqlite3.connect(tmp_path / "handoff.db")
    assert schema.sqlite_version(connection) == schema.HEAD
    connection.close()


@pytest.mark.fault("F44")
async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """After a roll-back the program says that it is too old, and changes nothing."""
    async with open_store(sqlite_url(tmp_path)):
        pass
    connection = sqlite3.connect(tmp_path / "handoff.db", isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigurationError, match=r"schema is 9999.* use a newer version"):
        await open_store(sqlite_url(tmp_path)).open()


async def test_a_reader_does_not_migrate(tmp_path: Path) -> None:
    """Looking into a file without tables says what to do."""
    sqlite3.connect(tmp_path / "handoff.db").close()
    (tmp_path / "handoff.db").touch()
    with pytest.raises(ConfigurationError, match="no tables yet; run `handoff migrate`"):
        await open_reader(sqlite_url(tmp_path)).open()


@pytest.mark.postgres
async def test_postgres_is_migrated_only_when_told(postgres_server: PostgresServer) -> None:
    """A start says what to do; `handoff migrate` does it, also when two run it at once."""
    url = await asyncio.to_thread(postgres_server.fresh_database, migrated=False)
    with pytest.raises(ConfigurationError, match=r"HANDOFF_DATABASE_URL: .* run `handoff migrate`"):
        await open_store(url).open()
    await asyncio.gather(asyncio.to_thread(migrate, url), asyncio.to_thread(migrate, url))
    async with open_store(url) as store:
        assert await store.queue(1) == ()


@pytest.mark.postgres
async def test_a_postgres_behind_is_refused(postgres_server: PostgresServer) -> None:
    """A database of an older program is named with both versions."""
    url = await asyncio.to_thread(postgres_server.fresh_database, migrated=False)
    await asyncio.to_thread(migrate, url)
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = '0000'")
    await connection.close()
    with pytest.raises(ConfigurationError, match=f"0000, this program needs {schema.HEAD}"):
        await open_store(url).open()
