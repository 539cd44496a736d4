"""`handoff policy` as it is called: real files in, JSON or text out, faults named."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from bridge.cli import policy as command
from bridge.domain.messages import Role
from bridge.domain.policy.model import from_json
from bridge.domain.policy.replaying import Dialogue, Said

MESSAGES = [
    {"text": "I want to talk to a human", "lang": "en", "trigger": "human_request"},
    {"text": "je voudrais parler à un conseiller", "lang": "fr", "trigger": "human_request"},
    {"text": "beam me up", "lang": "en", "trigger": "human_request"},
    {"text": "what are your hours?", "lang": "en", "trigger": "none"},
    {"text": "talk to an agent", "lang": "en", "trigger": "none"},
    {"text": "maybe call me?", "lang": "en", "trigger": "ambiguous"},
]
DIALOGUES: list[dict[str, Any]] = [
    {
        "id": "one",
        "lang": "en",
        "transferred": True,
        "transfer": {"after_turn": 2, "summary": "wants a person"},
        "turns": [
            {"role": "customer", "text": "my invoice is about parking"},
            {"role": "ai", "text": "I see."},
            {"role": "event", "event": "transfer_to_human", "summary": "let me talk to a human"},
        ],
    },
    {
        "id": "two",
        "lang": "en",
        "transferred": True,
        "transfer": {"after_turn": 4},
        "turns": [
            {"role": "customer", "text": "good morning"},
            {"role": "assistant", "text": "Good morning!"},
            {"role": "tool_call", "name": "think"},
            {"role": "system", "event": "opened"},
            {"role": "customer", "text": "let me talk to a human"},
        ],
    },
]


DEAF = '[policy.ask]\nmode = "off"\n[policy.model]\nenabled = false\n'


def written(path: Path, rows: Iterable[object]) -> str:
    """Write JSON lines and return the path."""
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


def test_test_prints_the_agreed_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shape and the figures of `policy test --json`."""
    assert main(["policy", "test", written(tmp_path / "m.jsonl", MESSAGES), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"rows", "median_us", "triggers", "languages"}
    assert report["rows"] == 6
    assert report["triggers"]["human_request"] == {
        "precision": 2 / 3,
        "recall": 2 / 3,
        "f1": pytest.approx(2 / 3),
        "false_per_1000": 500.0,
        "positives": 3,
    }
    assert report["languages"]["fr"]["human_request"]["recall"] == 1.0
    assert report["median_us"] > 0


def test_test_prints_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json there is a line for each trigger."""
    assert main(["policy", "test", written(tmp_path / "m.jsonl", MESSAGES)]) == 0
    out = capsys.readouterr().out
    assert "human_request      0.667   0.667  0.667      500.00          3" in out
    assert "recall by language: en 0.50, fr 1.00" in out


def test_replay_prints_the_agreed_json_and_never_reads_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words of an event turn bring nobody in; those of the customer do."""
    assert main(["policy", "replay", written(tmp_path / "d.jsonl", DIALOGUES), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"dialogues", "precision", "recall", "late", "early"}
    assert report["dialogues"][0] == {
        "id": "one",
        "transferred": True,
        "escalated": False,
        "turn": None,
        "trigger": None,
        "rule": None,
        "evidence": None,
    }
    second = report["dialogues"][1]
    assert (second["turn"], second["evidence"]) == (4, "talk to a human")
    assert (report["precision"], report["recall"]) == (1.0, 0.5)


def test_replay_prints_a_line_for_each_escalation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People see what was right, what was wrong and what was missed."""
    assert main(["policy", "replay", written(tmp_path / "d.jsonl", DIALOGUES)]) == 0
    out = capsys.readouterr().out
    assert "right   two  turn 4  human_request  en.ask.contact  “talk to a human”" in out
    assert "missed  one" in out


def test_another_policy_can_be_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A handoff.toml changes the outcome without touching the one in force."""
    (tmp_path / "handoff.toml").write_text(
        '[policy.ask]\nmode = "off"\n[policy.model]\nenabled = false\n'
    )
    arguments = ["--policy", str(tmp_path / "handoff.toml"), "--json"]
    main(["policy", "replay", written(tmp_path / "d.jsonl", DIALOGUES), *arguments])
    assert json.loads(capsys.readouterr().out)["recall"] == 0.0


def test_backtest_shows_what_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before and after, dialogue by dialogue, as JSON and as a difference."""
    (tmp_path / "handoff.toml").write_text(
        '[policy.ask]\nmode = "off"\n[policy.model]\nenabled = false\n'
    )
    talks = ["--dialogues", written(tmp_path / "d.jsonl", DIALOGUES)]
    arguments = ["policy", "backtest", "--policy", str(tmp_path / "handoff.toml"), *talks]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dialogues"] == 2
    assert (report["before"]["escalated"], report["after"]["escalated"]) == (1, 0)
    assert [change["id"] for change in report["changed"]] == ["two"]
    assert report["changed"][0]["before"]["trigger"] == "human_request"
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "  - turn 4  human_request  en.ask.contact  “talk to a human”" in out
    assert "  + stays with the assistant" in out


def stored() -> list[Dialogue]:
    """Return what a database would."""
    said = (Said(0, Role.CUSTOMER, "let me talk to a human"),)
    return [Dialogue("c1", "en", said, transferred=True, after_turn=1)]


def test_backtest_reads_stored_conversations(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file it asks whoever holds the conversations."""
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(), stored=stored)
    given = parser.parse_args(["policy", "backtest", "--json"])
    assert given.run(given) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["dialogues"], report["changed"]) == (1, [])
    assert report["after"]["recall"] == 1.0


def test_backtest_without_any_conversations_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is stored, the way out is named."""
    assert command.main(["backtest"]) == 2
    assert "--dialogues" in capsys.readouterr().err


def test_train_writes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command trains, cross-validates by source, and writes what the engine can read."""
    rows = [
        {**row, "source": f"s{number % 2}", "licence": "MIT"}
        for number, row in enumerate(MESSAGES * 3)
    ]
    out = tmp_path / "model.json"
    arguments = [written(tmp_path / "t.jsonl", rows), "--out", str(out), "--passes", "2"]
    assert main(["policy", "train", *arguments, "--cross-validate"]) == 0
    told = capsys.readouterr().out
    assert "Leaving one source out" in told
    assert "s0 (" in told
    assert "learned from 15 messages of 2 sources" in told
    data = json.loads(out.read_text())
    assert from_json(data).classes == ("none", "human_request")
    assert data["about"]["learned_from"] == {"s0": "MIT", "s1": "MIT"}


@pytest.mark.parametrize(
    ("verb", "line", "told"),
    [
        ("test", '{"text": 5, "trigger": "none"}', "line 2: field `text`: write a text"),
        ("test", '{"text": "a"}', "line 2: field `trigger`: write a text"),
        ("test", '{"text": "a", "trigger": "none", "lang": 1}', "field `lang`"),
        ("test", "{", "line 2: this is no JSON"),
        ("test", "[" * 100_000, "line 2: this is no JSON"),
        ("test", "[1]", "line 2: this is no object"),
        ("replay", '{"id": 1, "turns": []}', "field `id`: write a text"),
        ("replay", '{"id": "a"}', "field `turns`: write a list of turns"),
        ("replay", '{"id": "a", "turns": [5]}', "field `turns[0]`: write an object"),
        ("replay", '{"id": "a", "turns": [{"role": "cat"}]}', "field `turns[0].role`"),
        ("replay", '{"id": "a", "turns": [{"role": "ai"}]}', "field `turns[0].text`"),
        ("replay", '{"id": "a", "turns": [], "transferred": "no"}', "field `transferred`"),
        ("replay", '{"id": "a", "turns": [], "transfer": 1}', "field `transfer`"),
    ],
)
def test_a_bad_row_is_named_with_file_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, line: str, told: str
) -> None:
    """The exit code is 2 and nothing is printed where JSON would stand."""
    good = {"text": "a", "trigger": "none", "id": "a", "turns": []}
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(good)}\n{line}\n", encoding="utf-8")
    assert main(["policy", verb, str(path), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{path}: line 2: " in captured.err
    assert told in captured.err


@pytest.mark.parametrize("verb", ["test", "replay"])
def test_a_file_that_is_not_there_or_empty_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """No trace, a sentence."""
    assert main(["policy", verb, str(tmp_path / "none.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "empty.jsonl").write_text("\n")
    assert main(["policy", verb, str(tmp_path / "empty.jsonl")]) == 2
    assert "no row in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("[policy]\nmin_attempts = 99\n", "line 2: policy.min_attempts: write a whole number"),
        ("[policy\n", "cannot be read"),
        ("policy = 5\n", "policy: write it as a table"),
    ],
)
def test_a_bad_policy_file_is_refused_with_its_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, told: str
) -> None:
    """A policy that cannot be used is not tried half."""
    (tmp_path / "handoff.toml").write_text(source)
    rows = written(tmp_path / "m.jsonl", MESSAGES)
    assert main(["policy", "test", rows, "--policy", str(tmp_path / "handoff.toml")]) == 2
    assert told in capsys.readouterr().err
