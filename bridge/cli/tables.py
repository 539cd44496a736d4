"""The reports of `handoff policy` as text; each takes the report that `--json` prints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridge.domain.policy.scoring import Labelled, Scored, scores
from bridge.domain.policy.training import Guess

Report = Mapping[str, Any]

_SURE = 0.9


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def of_scores(report: Report) -> str:
    """Return the report of `policy test`."""
    head = f"{report['rows']} messages, median {report['median_us']} µs each"
    asks = [
        (lang, found["human_request"])
        for lang, found in report["languages"].items()
        if found.get("human_request", {}).get("positives")
    ]
    by_lang = ", ".join(f"{lang} {score['recall']:.2f}" for lang, score in asks)
    note = "Precision counts false alarms among ordinary messages; ambiguous rows are left out."
    lines = [head, "", _score_grid(report["triggers"]), ""]
    return "\n".join([*lines, f"human_request recall by language: {by_lang or 'none'}", note])


def _score_grid(found: Mapping[str, Mapping[str, float]]) -> str:
    titles = ["trigger", "precision", "recall", "F1", "false/1000", "positives"]
    return grid(
        [
            titles,
            *(
                [
                    name,
                    f"{score['precision']:.3f}",
                    f"{score['recall']:.3f}",
                    f"{score['f1']:.3f}",
                    f"{score['false_per_1000']:.2f}",
                    str(score["positives"]),
                ]
                for name, score in found.items()
            ),
        ]
    )


def of_replay(report: Report) -> str:
    """Return the report of `policy replay`."""
    escalated = [d for d in report["dialogues"] if d["escalated"]]
    lines = [_told(d) for d in escalated]
    missed = [d["id"] for d in report["dialogues"] if d["transferred"] and not d["escalated"]]
    lines += [f"missed  {name}" for name in missed]
    return "\n".join([*lines, "", f"{len(report['dialogues'])} dialogues", _agreed(report)])


_VERDICTS = {True: "right ", False: "wrong ", None: "      "}


def _told(dialogue: Report) -> str:
    verdict = _VERDICTS[dialogue["transferred"]]
    turn, rule, words = dialogue["turn"], dialogue["rule"], dialogue["evidence"]
    return f"{verdict}  {dialogue['id']}  turn {turn}  {dialogue['trigger']}  {rule}  “{words}”"


def _agreed(found: Report) -> str:
    return (
        f"precision {found['precision']:.3f}  recall {found['recall']:.3f}"
        f"  late {found['late']:.3f}  early {found['early']:.3f}"
    )


def of_backtest(report: Report) -> str:
    """Return the report of `policy backtest` as a difference."""
    lines = [f"{report['dialogues']} dialogues, {len(report['changed'])} treated differently", ""]
    for change in report["changed"]:
        lines += [
            change["id"],
            f"  - {_side(change['before'])}",
            f"  + {_side(change['after'])}",
        ]
    for side in ("before", "after"):
        found = report[side]
        lines.append(f"{side:7}{found['escalated']} escalated  {_agreed(found)}")
    return "\n".join(lines)


def _side(side: Report) -> str:
    if not side["escalated"]:
        return "stays with the assistant"
    return f"turn {side['turn']}  {side['trigger']}  {side['rule']}  “{side['evidence']}”"


def of_guesses(guesses: Iterable[Guess]) -> str:
    """Return how a model does on sources it has not seen, by trigger and by source."""
    found = list(guesses)
    sources = defaultdict(list)
    for guess in found:
        sources[guess.row.source].append(guess)
    parts = ["Leaving one source out, where the model is sure:", _guess_grid(found)]
    for source, own in sorted(sources.items()):
        parts += ["", f"{source} ({len(own)} messages)", _guess_grid(own)]
    return "\n".join(parts)


def _guess_grid(guesses: Iterable[Guess]) -> str:
    scored = [
        Scored(
            Labelled(guess.row.text, "", guess.row.trigger),
            guess.trigger if guess.score >= _SURE else "none",
        )
        for guess in guesses
    ]
    plain = {
        name: {
            "precision": score.precision,
            "recall": score.recall,
            "f1": score.f1,
            "false_per_1000": score.false_per_1000,
            "positives": score.positives,
        }
        for name, score in scores(scored).items()
    }
    return _score_grid(plain)
