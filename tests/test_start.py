"""`handoff serve` where it cannot start: it says why, and leaves nothing behind."""

from pathlib import Path

import pytest

from tests.calling import called


def test_without_a_desk_nothing_is_made(tmp_path: Path) -> None:
    """No desk is set up: the setting and the mend are named, and the folder stays empty."""
    done = called(tmp_path, "serve")

    assert done.returncode == 2
    assert done.stderr.startswith("handoff: HANDOFF_DESKS: no desk is set up; set SLACK_BOT_TOKEN")
    assert "HANDOFF_DESKS=sandbox" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_all_problems_are_told_before_anything_is_made(tmp_path: Path) -> None:
    """Desk, assistant and webhooks are all named at once; the folder stays empty."""
    done = called(
        tmp_path,
        "serve",
        SLACK_BOT_TOKEN="xapp-1",
        HANDOFF_ASSISTANT="python:no.such:bot",
        HANDOFF_WEBHOOK_URL="gopher://shop",
    )

    assert done.returncode == 2
    for name in ("SLACK_BOT_TOKEN", "HANDOFF_SLACK_ROOM", "python:no.such", "HANDOFF_WEBHOOK_URL"):
        assert name in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("dead", "list"), ("dead", "retry", "all")])
def test_asking_where_no_bridge_ever_ran_makes_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """In a wrong folder the command names the database it looked for, and makes none."""
    done = called(tmp_path, *arguments)

    assert done.returncode == 2
    assert "HANDOFF_DATABASE_URL: there is no database yet" in done.stderr
    assert list(tmp_path.iterdir()) == []
