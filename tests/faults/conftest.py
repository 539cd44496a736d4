"""A town for the tests of what goes wrong between the bridge and Slack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.town import Town, town


@pytest.fixture
async def at_work(tmp_path: Path) -> AsyncIterator[Town]:
    """A running bridge and its workspace; calls give up after a third of a second."""
    async with town(tmp_path, timeout=0.3) as made:
        yield made
