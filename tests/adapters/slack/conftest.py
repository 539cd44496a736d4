"""The scene most tests of the Slack desk play in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.slack.scene import Scene, scene


@pytest.fixture
async def at_desk(tmp_path: Path) -> AsyncIterator[Scene]:
    """A desk with one open thread."""
    async with scene(tmp_path) as made:
        yield made
