"""`handoff serve` the first time: what it says and makes, and that it makes nothing in vain."""

import signal
from pathlib import Path

import pytest

from tests.calling import called
from tests.proof.harness import Bridge


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


@pytest.mark.slow
async def test_a_first_start_tells_of_the_migration_and_not_of_its_tool(tmp_path: Path) -> None:
    """The log says what the database was brought to; the migration tool's plugins are silent."""
    settings = {
        "HANDOFF_DATABASE_URL": f"sqlite:///{tmp_path}/new/handoff.db",
        "HANDOFF_DESKS": "sandbox",
        "HANDOFF_LOG_FORMAT": "json",
    }
    bridge = Bridge(settings, tmp_path / "log")
    try:
        await bridge.start()
    finally:
        await bridge.end(signal.SIGTERM)
    told = (tmp_path / "log").read_text()

    assert "Running upgrade" in told
    assert "plugin" not in told
    assert (tmp_path / "new" / "handoff.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("arguments", [("dead", "list"), ("dead", "retry", "all")])
def test_asking_where_no_bridge_ever_ran_makes_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """In a wrong folder the command names the database it looked for, and makes none."""
    done = called(tmp_path, *arguments)

    assert done.returncode == 2
    assert "HANDOFF_DATABASE_URL: there is no database yet" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_trying_all_again_where_nothing_was_given_up_on_is_no_fault(tmp_path: Path) -> None:
    """With the bridge at rest `dead retry all` says as much as the running one: none."""
    assert called(tmp_path, "migrate").returncode == 0
    done = called(tmp_path, "dead", "retry", "all")

    assert (done.returncode, done.stdout) == (0, "retry: 0 deliveries\n")
