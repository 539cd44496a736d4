"""The world, for the relay's own tests: SQLite is enough, the stories run on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.domain.policy import default_policy
from storage import open_store
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.world import World, the_rules


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running bridge with a hand-moved clock."""
    clock, url = HandClock(), sqlite_url(tmp_path)
    made = World(lambda: open_store(url), the_rules(default_policy()), clock)
    made.rules = the_rules(default_policy(), made.desk)
    async with made:
        yield made
