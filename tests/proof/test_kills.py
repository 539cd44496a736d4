"""`kill -9` on the real process, again and again, with words numbered both ways."""

from pathlib import Path

import pytest

from tests.databases import sqlite_url
from tests.proof.harness import kill_loop, sample

pytestmark = pytest.mark.slow


@pytest.mark.timeout(600)
@pytest.mark.fault("F35")
async def test_sixty_kills_on_sqlite_break_no_promise(tmp_path: Path) -> None:
    """Nothing lost, doubled or disordered, one thread each, no note out, nobody spoken over."""
    problems, totals = await kill_loop(sqlite_url(tmp_path), tmp_path, kills=60)

    assert problems == [], sample(problems)
    assert totals["kills"] >= 60
    assert totals["customer_lines"] > 500
    assert totals["teammate_lines"] > 300


@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.fault("F35")
async def test_thirty_kills_of_two_instances_on_postgresql_break_no_promise(
    tmp_path: Path, postgres_url: str
) -> None:
    """The same with two bridges on one PostgreSQL, either of which dies at any moment."""
    problems, totals = await kill_loop(postgres_url, tmp_path, kills=30, instances=2)

    assert problems == [], sample(problems)
    assert totals["kills"] >= 30
    assert totals["customer_lines"] > 200
