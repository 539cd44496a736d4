"""`handoff policy`: what the escalation policy would do, measured before it is trusted.

`test` scores single messages, `replay` and `backtest` whole dialogues, `train` makes the model.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Protocol

from bridge.cli import recordings, tables
from bridge.domain.errors import ConfigurationError
from bridge.domain.policy import Policy, default_policy, parse_policy
from bridge.domain.policy.replaying import Agreement, Dialogue, Replayed, agreement, replay_all
from bridge.domain.policy.scoring import Scored, by_language, scores, trigger_of
from bridge.domain.policy.training import Row, Training, leave_one_source_out, train

LEARNED = frozenset({"none", "human_request", "security", "payment_dispute", "cancellation"})
"""Triggers with enough labelled rows to learn from; the rest is left to the rules."""


class StoredDialogues(Protocol):
    """Where `backtest` finds the conversations that were really held."""

    def __call__(self) -> Iterable[Dialogue]:
        """Return the stored dialogues, oldest first."""


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    stored: StoredDialogues | None = None,
    current: Callable[[], Policy] = default_policy,
) -> None:
    """Add the command.

    `stored` is where `backtest` finds conversations without a file, `current` gives the policy in
    force, which is used where `--policy` names no other.
    """
    command = subparsers.add_parser("policy", help="test, replay, backtest or train the policy")
    verbs = command.add_subparsers(dest="verb", required=True, metavar="VERB")
    command.set_defaults(stored=stored, current=current)
    for name, run, told in (
        ("test", run_test, "score labelled messages"),
        ("replay", run_replay, "replay recorded dialogues"),
    ):
        _verb(verbs, name, run, told).add_argument("file", type=Path, help="JSON lines")
    backtest = _verb(verbs, "backtest", run_backtest, "compare a policy on stored conversations")
    backtest.add_argument("--dialogues", type=Path, help="recorded ones instead")
    learn = verbs.add_parser("train", help="train the linear model on labelled messages")
    learn.add_argument("file", type=Path, help="JSON lines")
    learn.add_argument("--out", type=Path, required=True, help="where the model is written")
    learn.add_argument("--passes", type=int, default=Training().passes, help="over the rows")
    learn.add_argument("--kept", type=int, default=Training().kept, help="features kept")
    learn.add_argument(
        "--cross-validate", action="store_true", help="score it first, leaving one source out"
    )
    learn.set_defaults(run=run_train)


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    told: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=told)
    verb.add_argument("--json", action="store_true", help="print one JSON object")
    verb.add_argument("--policy", type=Path, help="a handoff.toml to try instead")
    verb.set_defaults(run=run)
    return verb


def _policy(given: argparse.Namespace) -> Policy:
    current: Callable[[], Policy] = given.current
    return read_policy(given.policy) if given.policy else current()


def read_policy(path: Path) -> Policy:
    """Return the policy of a handoff.toml.

    Raises ConfigurationError with every problem of the file, each with line, field and mend.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError([f"{path}: cannot be read: {problem}"]) from problem
    found = parse_policy(table.get("policy", {}), text)
    if isinstance(found, tuple):
        raise ConfigurationError([f"{path}: {problem}" for problem in found])
    return found


def run_test(given: argparse.Namespace) -> int:
    """Score labelled messages."""
    policy = _policy(given)
    rows = recordings.labelled(given.file)
    scored: list[Scored] = []
    took: list[float] = []
    for row in rows:
        started = perf_counter()
        found = trigger_of(policy, row)
        took.append(perf_counter() - started)
        scored.append(Scored(row, found))
    report = {
        "rows": len(rows),
        "median_us": round(median(took) * 1e6, 1),
        "triggers": {name: asdict(score) for name, score in scores(scored).items()},
        "languages": {
            lang: {name: asdict(score) for name, score in found.items()}
            for lang, found in by_language(scored).items()
        },
    }
    _show(given, report, tables.of_scores)
    return 0


def run_replay(given: argparse.Namespace) -> int:
    """Replay recorded dialogues."""
    replayed = replay_all(_policy(given), recordings.dialogues(given.file))
    report = {"dialogues": [_outcome(r) for r in replayed], **asdict(agreement(replayed))}
    _show(given, report, tables.of_replay)
    return 0


def _outcome(replayed: Replayed) -> dict[str, object]:
    decision = replayed.decision
    return {
        "id": replayed.dialogue.id,
        "transferred": replayed.dialogue.transferred,
        "escalated": replayed.escalated,
        "turn": replayed.turn,
        "trigger": decision.trigger if decision else None,
        "rule": decision.rule if decision else None,
        "evidence": decision.evidence if decision else None,
    }


def run_backtest(given: argparse.Namespace) -> int:
    """Compare the policy in force with that of a file, on the conversations really held."""
    talks = _held(given)
    before = replay_all(given.current(), talks)
    after = replay_all(_policy(given), talks)
    report = compare(before, after)
    _show(given, report, tables.of_backtest)
    return 0


def _held(given: argparse.Namespace) -> list[Dialogue]:
    if given.dialogues:
        return recordings.dialogues(given.dialogues)
    if given.stored is None:
        raise ConfigurationError(["no stored conversations here: name a file with --dialogues"])
    return list(given.stored())


def compare(before: Sequence[Replayed], after: Sequence[Replayed]) -> dict[str, object]:
    """Return which dialogues two policies treat differently, and how well each does."""
    pairs = [(_outcome(one), _outcome(other)) for one, other in zip(before, after, strict=True)]
    changed = [_change(one, other) for one, other in pairs if one != other]
    return {
        "dialogues": len(pairs),
        "before": _totals(before),
        "after": _totals(after),
        "changed": changed,
    }


def _change(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    told = ("escalated", "turn", "trigger", "rule", "evidence")
    return {
        "id": one["id"],
        "transferred": one["transferred"],
        "before": {name: one[name] for name in told},
        "after": {name: other[name] for name in told},
    }


def _totals(replayed: Sequence[Replayed]) -> dict[str, object]:
    agreed: Agreement = agreement(replayed)
    return {"escalated": sum(r.escalated for r in replayed), **asdict(agreed)}


def run_train(given: argparse.Namespace) -> int:
    """Train the model and write it."""
    rows = [row for row in recordings.training_rows(given.file) if row.trigger in LEARNED]
    how = Training(passes=given.passes, kept=given.kept)
    if given.cross_validate:
        print(tables.of_guesses(leave_one_source_out(rows, how)))
    model = train(rows, how)
    given.out.write_text(json.dumps(model, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{given.out}: learned from {len(rows)} messages of {len(_sources(rows))} sources")
    return 0


def _sources(rows: Iterable[Row]) -> set[str]:
    return {row.source for row in rows}


def _show(
    given: argparse.Namespace,
    report: Mapping[str, object],
    table: Callable[[Mapping[str, object]], str],
) -> None:
    print(json.dumps(report, ensure_ascii=False) if given.json else table(report))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `policy` by itself: `python -m bridge.cli.policy test FILE`."""
    parser = argparse.ArgumentParser(prog="handoff")
    register(parser.add_subparsers(dest="command", required=True))
    given = parser.parse_args(["policy", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        return int(given.run(given))
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"handoff: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
