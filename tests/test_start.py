"""`handoff serve` the first time: what it says and makes, and that it makes nothing in vain."""

import contextlib
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.app.desks import check_desks
from bridge.config import read_settings
from bridge.domain.errors import ConfigurationError
from tests.calling import called
from tests.proof.harness import Bridge

SANDBOX = {"HANDOFF_DESKS": "sandbox", "HANDOFF_ASSISTANT": "none"}


@contextlib.contextmanager
def taken_port(host: str = "127.0.0.1") -> Iterator[str]:
    """Listen on a port as another program does."""
    with socket.create_server((host, 0)) as other:
        yield str(other.getsockname()[1])


def test_without_a_desk_nothing_is_made(tmp_path: Path) -> None:
    """No desk is set up: the setting and the mend are named, and the folder stays empty."""
    done = called(tmp_path, "serve")

    assert done.returncode == 2
    assert done.stderr.startswith("handoff: HANDOFF_DESKS: no desk is set up; set SLACK_BOT_TOKEN")
    assert "HANDOFF_DESKS=sandbox" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


SLACK = {
    "SLACK_BOT_TOKEN": "xoxb-1-2-3",
    "SLACK_SIGNING_SECRET": "0123456789abcdef",
    "SLACK_APP_TOKEN": "xapp-1-2-3",
    "HANDOFF_SLACK_ROOM": "C0123456789",
}
TOKEN, SECRET, APP, ROOM = SLACK


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([TOKEN], [ROOM, SECRET]),
        ([SECRET], [TOKEN, ROOM]),
        ([ROOM], [TOKEN, SECRET]),
        ([APP], [TOKEN, ROOM]),
        ([TOKEN, SECRET], [ROOM]),
        ([TOKEN, APP], [ROOM]),
        ([APP, ROOM], [TOKEN]),
        ([SECRET, ROOM], [TOKEN]),
    ],
)
def test_of_slacks_settings_those_that_are_missing_are_asked_for(
    given: list[str], asked: list[str]
) -> None:
    """And nothing else: over sockets no signing secret."""
    with pytest.raises(ConfigurationError) as caught:
        check_desks(read_settings({name: SLACK[name] for name in given}, look_for_file=False))
    assert [problem.partition(": it is missing; ")[0] for problem in caught.value.problems] == asked


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
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "SLACK_BOT_TOKEN:",
        "HANDOFF_SLACK_ROOM:",
        "SLACK_SIGNING_SECRET:",
        "HANDOFF_ASSISTANT:",
        "HANDOFF_WEBHOOK_URL:",
        "HANDOFF_WEBHOOK_SECRET:",
    ], done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_assistant_that_leaves_hides_nothing(tmp_path: Path) -> None:
    """A module that ends the program is told as a problem, with address and secret of webhooks."""
    (tmp_path / "leaving.py").write_text("import sys\n\nsys.exit(3)\n")
    done = called(
        tmp_path,
        "serve",
        **{**SANDBOX, "HANDOFF_ASSISTANT": "python:leaving:reply"},
        HANDOFF_WEBHOOK_URL="gopher://shop",
        HANDOFF_WEBHOOK_SECRET="whsec_*",
    )

    assert done.returncode == 2
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "HANDOFF_ASSISTANT:",
        "HANDOFF_WEBHOOK_URL:",
        "HANDOFF_WEBHOOK_SECRET:",
    ], done.stderr


def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    """A port that is none, a short secret, and what desk and policy lack: told in one go, once."""
    (tmp_path / "handoff.toml").write_text("[waits]\nidle = 0\n")
    done = called(
        tmp_path,
        "serve",
        HANDOFF_PORT="http",
        HANDOFF_DATABASE_URL="mysql://shop",
        HANDOFF_IDENTITY_SECRET="short",
        SLACK_BOT_TOKEN="xoxb-1-2-3",
        HANDOFF_WEBHOOK_URL="gopher://shop",
    )

    assert done.returncode == 2
    told = [line.split()[1].rstrip(":") for line in done.stderr.splitlines()]
    assert sorted(told) == [
        "HANDOFF_DATABASE_URL",
        "HANDOFF_IDENTITY_SECRET",
        "HANDOFF_PORT",
        "HANDOFF_SLACK_ROOM",
        "HANDOFF_WEBHOOK_SECRET",
        "HANDOFF_WEBHOOK_URL",
        "SLACK_SIGNING_SECRET",
        "waits.idle",
    ], done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["handoff.toml"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"HANDOFF_DESKS": "slak"}, "HANDOFF_DESKS: "),
        ({"HANDOFF_DATABASE_URL": "mysql://shop"}, "HANDOFF_DATABASE_URL: "),
        ({"HANDOFF_ASSISTANT": "fax"}, "HANDOFF_ASSISTANT: "),
        ({"HANDOFF_CONFIG": "gone.toml", "HANDOFF_DESKS": ""}, "HANDOFF_CONFIG: "),
    ],
)
def test_what_only_follows_from_a_problem_is_not_told(
    tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    """A misspelt desk is not a missing one too; what a file that is not there holds is unknown."""
    done = called(tmp_path, "serve", **{**SANDBOX, **wrong})

    assert done.returncode == 2
    assert done.stderr.startswith(f"handoff: {said}")
    assert done.stderr.count("\n") == 1, done.stderr


def test_events_do_not_go_out_unsigned(tmp_path: Path) -> None:
    """Without a secret the start says how to make one; nothing is made."""
    done = called(tmp_path, "serve", HANDOFF_WEBHOOK_URL="https://shop.example", **SANDBOX)

    assert done.returncode == 2
    assert done.stderr == (
        "handoff: HANDOFF_WEBHOOK_SECRET: it is missing; events are signed with it; "
        "make one with: echo whsec_$(openssl rand -base64 32)\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", [None, "port = \n"])
def test_a_file_that_cannot_be_read_hides_nothing_of_the_environment(
    tmp_path: Path, file: str | None
) -> None:
    """What stands there is judged; what may stand in the file is not called missing."""
    path = tmp_path / "given.toml"
    if file is not None:
        path.write_text(file)
    done = called(
        tmp_path,
        "serve",
        HANDOFF_CONFIG=str(path),
        HANDOFF_PORT="http",
        HANDOFF_IDENTITY_SECRET="short",
        HANDOFF_ALLOWED_ORIGINS="https://shop.example/path",
        HANDOFF_ASSISTANT="fax",
        HANDOFF_WEBHOOK_URL="gopher://shop",
        SLACK_BOT_TOKEN="xapp-1",
    )

    assert done.returncode == 2
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "HANDOFF_CONFIG:",
        "HANDOFF_PORT:",
        "HANDOFF_ALLOWED_ORIGINS:",
        "HANDOFF_IDENTITY_SECRET:",
        "SLACK_BOT_TOKEN:",
        "HANDOFF_ASSISTANT:",
        "HANDOFF_WEBHOOK_URL:",
    ], done.stderr


async def log_of_a_run(settings: dict[str, str], log: Path) -> str:
    """Start a bridge, end it once it is ready, and return what it logged."""
    bridge = Bridge(settings, log)
    try:
        await bridge.start()
    finally:
        await bridge.end(signal.SIGTERM)
    return log.read_text()


@pytest.mark.slow
async def test_a_first_start_tells_of_the_migration_and_not_of_its_tool(tmp_path: Path) -> None:
    """The log says what the database was brought to; the migration tool's plugins are silent."""
    settings = {
        "HANDOFF_DATABASE_URL": f"sqlite:///{tmp_path}/new/handoff.db",
        "HANDOFF_DESKS": "sandbox",
        "HANDOFF_LOG_FORMAT": "json",
    }
    told = await log_of_a_run(settings, tmp_path / "log")

    assert "Running upgrade" in told
    assert "plugin" not in told
    assert (tmp_path / "new" / "handoff.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
async def test_a_start_notes_once_what_may_be_meant_otherwise(tmp_path: Path) -> None:
    """A misspelt name and the demo's pages are one warning each, and the bridge runs."""
    settings = {
        "HANDOFF_DATABASE_URL": f"sqlite:///{tmp_path}/handoff.db",
        "HANDOFF_DESKS": "sandbox",
        "HANDOFF_LOG_FORMAT": "json",
        "HANDOFF_PRT": "1",
    }
    told = await log_of_a_run(settings, tmp_path / "log")
    lines = [json.loads(line) for line in told.splitlines() if "{" in line]
    notes = [line["note"] for line in lines if line["level"] == "warning" and "note" in line]

    assert notes[0] == "HANDOFF_PRT is not a setting; did you mean HANDOFF_PORT?"
    assert [note.split()[0] for note in notes] == ["HANDOFF_PRT", "HANDOFF_FAQ_DIR"]


def test_a_misspelt_name_is_told_where_the_start_fails_for_it(tmp_path: Path) -> None:
    """The desk that was meant is missing: both are told."""
    done = called(tmp_path, "serve", HANDOFF_DESK="sandbox")

    assert done.returncode == 2
    problem, note = done.stderr.splitlines()
    assert problem.startswith("handoff: HANDOFF_DESKS: no desk is set up")
    assert note == "handoff: HANDOFF_DESK is not a setting; did you mean HANDOFF_DESKS?"


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path: Path) -> None:
    """One line with the setting and its mend; the folder stays empty."""
    with taken_port() as port:
        done = called(tmp_path, "serve", HANDOFF_PORT=port, **SANDBOX)

    assert done.returncode == 2
    assert done.stderr == (
        f"handoff: HANDOFF_PORT: {port} on 127.0.0.1 is in use; "
        "end the program that listens there, or set another port\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_told_by_the_demo_too(tmp_path: Path) -> None:
    """The port that was asked for is not replaced by another."""
    with taken_port() as port:
        done = called(tmp_path, "demo", "--no-open", "--port", port)

    assert done.returncode == 2
    assert done.stderr.startswith(f"handoff: HANDOFF_PORT: {port} on 127.0.0.1 is in use; ")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_none_is_refused_by_the_demo(tmp_path: Path) -> None:
    """What is no port is told like any setting that cannot be used."""
    done = called(tmp_path, "demo", "--no-open", "--port", "70000")

    assert done.returncode == 2
    assert done.stderr == (
        "handoff: HANDOFF_PORT: a whole number from 0 to 65535 is expected, not '70000'\n"
    )


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine; "),
        ("no-such-host.invalid", "no-such-host.invalid cannot be looked up; "),
        ("a..b", "a..b cannot be looked up; "),
    ],
)
def test_a_host_that_cannot_be_bound_is_told_before_anything_is_made(
    tmp_path: Path, host: str, said: str
) -> None:
    """Another machine's address and a name nobody knows are told like a port in use."""
    done = called(tmp_path, "serve", HANDOFF_HOST=host, HANDOFF_PORT="0", **SANDBOX)

    assert done.returncode == 2
    assert done.stderr.startswith(f"handoff: HANDOFF_HOST: {said}")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("dead", "list"), ("dead",)])
def test_the_dead_are_listed_unless_another_verb_is_said(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """As a line or as JSON, with the verb or without."""
    assert called(tmp_path, "migrate").returncode == 0

    assert called(tmp_path, *arguments).stdout == "Nothing was given up on.\n"
    assert called(tmp_path, *arguments, "--json").stdout == '{"dead": []}\n'


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
