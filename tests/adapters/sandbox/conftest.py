"""A served sandbox desk for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.sandbox.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A desk on an empty file, served."""
    made = House(tmp_path / "desk.db")
    await made.start()
    yield made
    await made.stop()
