"""The world on each database."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.domain.policy import default_policy
from storage import open_store
from tests.clocks import HandClock
from tests.databases import postgres_server, postgres_url, sqlite_url
from tests.world import World, the_rules

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database."""
    if request.param == "sqlite":
        folder: Any = request.getfixturevalue("tmp_path")
        return sqlite_url(folder)
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A running bridge with a hand-moved clock."""
    clock = HandClock()
    made = World(lambda: open_store(database_url), the_rules(default_policy()), clock)
    made.rules = the_rules(default_policy(), made.desk)
    async with made:
        yield made
