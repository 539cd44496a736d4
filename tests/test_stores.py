"""The store contract on every database: a SQLite file, SQLite in memory, PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import open_store
from storage.store import SqlStore
from tests.contracts.store import StoreContract
from tests.databases import sqlite_url


class TestSqliteFile(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqlStore]:
        """A store on a file."""
        async with open_store(sqlite_url(tmp_path)) as opened:
            yield opened


class TestSqliteMemory(StoreContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[SqlStore]:
        """A store in memory."""
        async with open_store("sqlite://") as opened:
            yield opened


@pytest.mark.postgres
class TestPostgres(StoreContract):
    @pytest.fixture
    async def store(self, postgres_url: str) -> AsyncIterator[SqlStore]:
        """A store on a PostgreSQL database of its own."""
        async with open_store(postgres_url) as opened:
            yield opened
