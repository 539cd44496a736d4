"""`handoff doctor` as somebody meets it who sets the bridge up."""

from pathlib import Path

import pytest

from tests.calling import called

SANDBOX = {"HANDOFF_DESKS": "sandbox", "HANDOFF_ASSISTANT": "faq"}


@pytest.mark.slow
def test_a_first_setup_is_healthy_before_the_first_start(tmp_path: Path) -> None:
    """A database that the first start will make is no problem, and nothing is made by asking."""
    done = called(tmp_path, "doctor", **SANDBOX)

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Desk, key, policy and webhooks are all named, each once, and the old key stays as it is."""
    (tmp_path / "handoff.key").write_text("short")
    (tmp_path / "handoff.toml").write_text("[waits]\nidle = 0\n")
    done = called(tmp_path, "doctor", SLACK_BOT_TOKEN="xapp-1", HANDOFF_WEBHOOK_URL="gopher://shop")

    assert done.returncode == 1
    for name in (
        "SLACK_BOT_TOKEN",
        "HANDOFF_SLACK_ROOM",
        "HANDOFF_SECRET_KEY",
        "waits.idle",
        "HANDOFF_WEBHOOK_URL",
    ):
        assert done.stderr.count(name) == 1, (name, done.stderr)
    assert (tmp_path / "handoff.key").read_text() == "short"
