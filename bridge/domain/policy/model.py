"""The linear model at run time: a look-up and a sum, in pure Python.

It only speaks where the rules are silent, and only when it is sure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt

from bridge.domain.policy.features import OTHER, SCALE, features


@dataclass(frozen=True, slots=True)
class Model:
    """Weights by feature, one a class; the first class is that of ordinary messages."""

    classes: tuple[str, ...]
    bias: tuple[float, ...]
    weights: Mapping[str, tuple[int, ...]]

    def judge(self, words: Sequence[str]) -> tuple[str, float]:
        """Return the likeliest trigger of a message and how likely it is; `none` for ordinary."""
        found = features(words)
        rows = [row for feature in found if (row := self.weights.get(feature))]
        if not rows:
            return OTHER, 1.0
        norm = 1.0 / (SCALE * sqrt(len(found)))
        scores = [b + norm * sum(column) for b, column in zip(self.bias, zip(*rows), strict=True)]
        best = max(range(len(scores)), key=scores.__getitem__)
        if best == 0:
            return OTHER, 1.0
        top = scores[best]
        return self.classes[best], 1.0 / sum(exp(score - top) for score in scores)


def from_json(data: Mapping[str, object]) -> Model:
    """Read a model as the trainer wrote it.

    Raises ValueError when it is not one.
    """
    match data:
        case {"classes": list(classes), "bias": list(bias), "weights": dict(weights)} if classes:
            if any(len(row) != len(classes) for row in (bias, *weights.values())):
                raise ValueError("the model has rows of different lengths: train it again")
            return Model(
                tuple(map(str, classes)),
                tuple(b / SCALE for b in bias),
                {name: tuple(row) for name, row in weights.items()},
            )
        case _:
            raise ValueError("this is no model: train one with `handoff policy train`")
