"""`handoff doctor` as somebody meets it who sets the bridge up."""

import json
from pathlib import Path

import pytest

from bridge.app import notes
from bridge.config import read_settings
from tests.calling import called
from tests.proof.harness import free_port

SANDBOX = {"HANDOFF_DESKS": "sandbox", "HANDOFF_ASSISTANT": "faq"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 -- compared, not bound


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


def noted(**settings: str) -> list[str]:
    """Return what is noted of these settings."""
    return notes(read_settings(settings, look_for_file=False))


def test_the_pages_of_the_demo_are_noted_where_customers_would_read_them() -> None:
    """Only when nobody has named a folder, and only for the assistant that answers from it."""
    [note] = noted(HANDOFF_DESKS="slack")
    assert note.startswith("HANDOFF_FAQ_DIR is not set: customers are answered from the pages of")
    assert noted(HANDOFF_DESKS="slack", HANDOFF_FAQ_DIR="answers") == []
    assert noted(HANDOFF_DESKS="slack", HANDOFF_ASSISTANT="none") == []


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "shop.example"])
def test_a_sandbox_that_others_may_reach_is_noted(host: str) -> None:
    """Whoever opens its page answers customers."""
    [note] = noted(HANDOFF_DESKS="sandbox", HANDOFF_ASSISTANT="none", HANDOFF_HOST=host)
    assert note.startswith(f"HANDOFF_HOST: the sandbox desk has no login, and {host}")
    assert noted(HANDOFF_DESKS="slack", HANDOFF_ASSISTANT="none", HANDOFF_HOST=host) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost"])
def test_a_sandbox_on_this_machine_alone_is_not_noted(host: str) -> None:
    """That is what it is for."""
    assert noted(HANDOFF_DESKS="sandbox", HANDOFF_ASSISTANT="none", HANDOFF_HOST=host) == []


def test_nothing_is_noted_where_no_desk_is_set_up() -> None:
    """That is a problem, and told as one."""
    assert noted(HANDOFF_ASSISTANT="none", HANDOFF_HOST=EVERYWHERE) == []


def test_a_note_is_no_problem(tmp_path: Path) -> None:
    """A misspelt name is told beside the answer, which stays good."""
    done = called(tmp_path, "doctor", HANDOFF_PRT="1", **SANDBOX)

    assert (done.returncode, done.stdout) == (0, "Nothing is wrong.\n")
    assert "HANDOFF_PRT is not a setting; did you mean HANDOFF_PORT?" in done.stderr


def test_notes_stand_in_the_json_too(tmp_path: Path) -> None:
    """As a list beside the problems, also when the settings cannot be read."""
    quiet = {**SANDBOX, "HANDOFF_ASSISTANT": "none", "HANDOFF_PRT": "1"}
    note = "HANDOFF_PRT is not a setting; did you mean HANDOFF_PORT?"
    good = called(tmp_path, "doctor", "--json", **quiet)
    assert json.loads(good.stdout) == {"ok": True, "problems": [], "notes": [note]}
    bad = called(tmp_path, "doctor", "--json", HANDOFF_PORT="x", **quiet)
    assert json.loads(bad.stdout)["notes"] == [note]
    assert json.loads(bad.stdout)["ok"] is False


def test_slack_being_away_is_told_in_words(tmp_path: Path) -> None:
    """Neither the log nor a name of Python's stands in the answer, and no token is blamed."""
    port = free_port()
    done = called(
        tmp_path,
        "doctor",
        SLACK_BOT_TOKEN="xoxb-1-2-3",
        SLACK_SIGNING_SECRET="0123456789abcdef",
        HANDOFF_SLACK_ROOM="C0123456789",
        HANDOFF_ASSISTANT="none",
        SLACK_API_URL=f"http://127.0.0.1:{port}/api/",
    )
    assert done.returncode == 1
    assert done.stderr.startswith("SLACK_API_URL: Slack cannot be reached: the connection was ref")
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_database_out_of_reach_is_told_once(tmp_path: Path) -> None:
    """What the log would say of it is no part of the answer."""
    done = called(
        tmp_path,
        "doctor",
        HANDOFF_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none",
        HANDOFF_SECRET_KEY="a-secret-for-this-test-only",
        HANDOFF_DESKS="sandbox",
        HANDOFF_ASSISTANT="none",
    )
    assert done.returncode == 1
    told = "HANDOFF_DATABASE_URL: the database cannot be reached: connection refused\n"
    assert done.stderr == told
