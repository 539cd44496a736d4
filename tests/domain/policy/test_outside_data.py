"""The figures on public data that is not part of the project.

Where the files are not at hand, the tests are skipped, aloud: see `tests/outside.py`.
"""

import json
from statistics import median
from time import perf_counter

import pytest

from bridge.cli import recordings
from bridge.domain.policy import CustomerSaid, Memory, Talk, decide, default_policy
from bridge.domain.policy.replaying import agreement, replay_all
from bridge.domain.policy.scoring import Scored, by_language, scores, trigger_of
from tests.outside import outside

MOST_MICROSECONDS = 150


@pytest.fixture(scope="module")
def scored() -> list[Scored]:
    """Return the labelled messages with what the policy finds."""
    rows = recordings.labelled(outside("data/escalation_dev.jsonl"))
    return [Scored(row, trigger_of(default_policy(), row)) for row in rows]


def test_asks_for_a_person_are_found(scored: list[Scored]) -> None:
    """Precision, recall and false alarms of an ask are within the targets."""
    ask = scores(scored)["human_request"]
    assert ask.precision >= 0.97
    assert ask.recall >= 0.90
    assert ask.false_per_1000 <= 1.5


def test_asks_are_found_in_every_language(scored: list[Scored]) -> None:
    """No language of the data falls behind."""
    recalls = {lang: found["human_request"].recall for lang, found in by_language(scored).items()}
    assert {lang: recall for lang, recall in recalls.items() if recall < 0.8} == {}


@pytest.mark.parametrize("name", ["security", "payment_dispute", "cancellation"])
def test_topics_are_found(scored: list[Scored], name: str) -> None:
    """The topics reach their F1."""
    assert scores(scored)[name].f1 >= 0.85


def test_recorded_dialogues_agree() -> None:
    """The transfers of tau-bench are found, in time, and few others."""
    dialogues = recordings.dialogues(outside("data/dialogues_sample.jsonl"))
    tau = [talk for talk in dialogues if talk.id.startswith("tau-")]
    found = agreement(replay_all(default_policy(), tau))
    assert found.precision >= 0.90
    assert found.recall >= 0.90
    assert found.late == 0.0
    assert found.early == 0.0


def test_naughty_strings_are_no_trouble() -> None:
    """Strings that broke other programs are read like any other."""
    for text in json.loads(
        outside("data/payloads/naughty_strings.json").read_text(encoding="utf-8")
    ):
        decision, _ = decide(default_policy(), Talk(), Memory(), CustomerSaid(text, 0.0))
        assert decision.evidence in text


@pytest.mark.slow
def test_a_message_costs_little() -> None:
    """With everything embedded, the median message takes at most 150 µs."""
    rows = recordings.labelled(outside("data/escalation_dev.jsonl"))
    took = []
    for row in rows:
        started = perf_counter()
        trigger_of(default_policy(), row)
        took.append(perf_counter() - started)
    assert median(took) * 1e6 <= MOST_MICROSECONDS
