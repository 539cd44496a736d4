"""Trains the linear model: multinomial logistic regression, standard library only.

The result depends on the rows and the settings alone: rows are visited in an order drawn from a
fixed seed, and ties are broken by name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from bridge.domain.policy.features import OTHER, SCALE, features
from bridge.domain.policy.model import from_json
from bridge.domain.policy.text import read


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled message; `source` and `licence` are where it comes from."""

    text: str
    trigger: str
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model made of a row, and how sure it was."""

    row: Row
    trigger: str
    score: float


@dataclass(frozen=True, slots=True)
class Training:
    """How to train: passes over the rows, step width, decay, and how much is kept."""

    passes: int = 12
    step: float = 0.3
    decay: float = 2e-5
    seen_at_least: int = 2
    kept: int = 8_000
    seed: int = 7


Example = tuple[tuple[int, ...], int]
Weights = list[list[float]]


def train(rows: Iterable[Row], training: Training | None = None) -> dict[str, object]:
    """Train a model and return it as plain JSON data, for `model.from_json`."""
    how = training or Training()
    used = list(rows)
    texts = [(features(read(row.text).words), row.trigger) for row in used]
    classes = [OTHER, *sorted({trigger for _, trigger in texts} - {OTHER})]
    known = _vocabulary((found for found, _ in texts), how.seen_at_least)
    examples = [
        (tuple(known[f] for f in found if f in known), classes.index(trigger))
        for found, trigger in texts
    ]
    weights, bias = _fit(examples, len(known), len(classes), how)
    return {"about": _about(used), **_packed(list(known), classes, weights, bias, how.kept)}


def _about(rows: Sequence[Row]) -> dict[str, object]:
    """Return whose words the model learned from, and under which licences."""
    sources = {row.source: row.licence for row in rows}
    return {
        "what": "Weights of handoff-bridge's linear model, made by `handoff policy train`.",
        "rows": len(rows),
        "learned_from": dict(sorted(sources.items())),
    }


def _vocabulary(texts: Iterable[Sequence[str]], seen_at_least: int) -> dict[str, int]:
    counts = Counter(feature for text in texts for feature in text)
    kept = sorted(feature for feature, count in counts.items() if count >= seen_at_least)
    return {feature: number for number, feature in enumerate(kept)}


def _fit(
    examples: Sequence[Example], size: int, classes: int, how: Training
) -> tuple[Weights, list[float]]:
    """Fit weights by stochastic gradient steps that shrink where much was learned (Adagrad)."""
    weights = [[0.0] * classes for _ in range(size)]
    learned = [1e-8] * size
    bias = [0.0] * classes
    order = list(range(len(examples)))
    random = Random(how.seed)  # noqa: S311 - an order, not a secret
    for _ in range(how.passes):
        random.shuffle(order)
        for at in order:
            _learn(examples[at], weights, learned, bias, how)
    return weights, bias


def _learn(
    example: Example, weights: Weights, learned: list[float], bias: list[float], how: Training
) -> None:
    found, truth = example
    if not found:
        return
    norm = 1.0 / sqrt(len(found))
    errors = _errors([weights[f] for f in found], truth, bias, norm)
    energy = sum(e * e for e in errors) * norm * norm
    for c, error in enumerate(errors):
        bias[c] -= 0.05 * error
    for f in found:
        learned[f] += energy
        pace = how.step / sqrt(learned[f])
        row = weights[f]
        for c, error in enumerate(errors):
            row[c] -= pace * (error * norm + how.decay * row[c])


def _errors(rows: Sequence[list[float]], truth: int, bias: list[float], norm: float) -> list[float]:
    """Return, for each class, how far the prediction is from the truth."""
    odds = softmax(
        [b + norm * sum(column) for b, column in zip(bias, zip(*rows, strict=True), strict=True)]
    )
    odds[truth] -= 1.0
    return odds


def softmax(scores: Sequence[float]) -> list[float]:
    """Turn scores into shares of one."""
    top = max(scores)
    powers = [exp(score - top) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _packed(
    names: Sequence[str], classes: Sequence[str], weights: Weights, bias: Sequence[float], kept: int
) -> dict[str, object]:
    """Keep the features that say most, as whole numbers."""
    strength = {name: max(row) - min(row) for name, row in zip(names, weights, strict=True)}
    best = sorted(sorted(names), key=strength.__getitem__, reverse=True)[:kept]
    row_of: Mapping[str, list[float]] = dict(zip(names, weights, strict=True))
    return {
        "classes": list(classes),
        "bias": [round(b * SCALE) for b in bias],
        "weights": {name: [round(w * SCALE) for w in row_of[name]] for name in sorted(best)},
    }


def leave_one_source_out(rows: Sequence[Row], training: Training | None = None) -> list[Guess]:
    """Judge every row by a model that has seen no row of its source."""
    guesses: list[Guess] = []
    for source in sorted({row.source for row in rows}):
        model = from_json(train([row for row in rows if row.source != source], training))
        held = [row for row in rows if row.source == source]
        guesses += [Guess(row, *model.judge(read(row.text).words)) for row in held]
    return guesses
