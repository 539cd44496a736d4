"""The linear model at run time: a look-up and a sum, in pure Python.

It only speaks where the rules are silent, and only when it is sure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, sqrt

from bridge.domain.policy.features import MAX_WORDS, OTHER, SCALE, of_pairs, of_word

_MOST_KNOWN_WORDS = 20_000

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights by feature, one a class; the first class is that of ordinary messages.

    What a word adds up to is kept after its first use: the same words come again and again.
    """

    classes: tuple[str, ...]
    bias: Row
    weights: Mapping[str, Row]
    _words: dict[str, tuple[Row, int]] = field(default_factory=dict, compare=False, repr=False)

    def judge(self, words: Sequence[str]) -> tuple[str, float]:
        """Return the likeliest trigger of a message and how likely it is; `none` for ordinary."""
        head = words[:MAX_WORDS]
        known = [self._word(word) for word in head]
        pairs = of_pairs(head)
        rows = [row for row, _ in known]
        rows += [row for pair in pairs if (row := self.weights.get(pair))]
        norm = 1.0 / sqrt(sum(count for _, count in known) + len(pairs))
        scores = [b + norm * sum(column) for b, *column in zip(self.bias, *rows, strict=True)]
        best = max(range(len(scores)), key=scores.__getitem__)
        if best == 0:
            return OTHER, 1.0
        top = scores[best]
        return self.classes[best], 1.0 / sum(exp((score - top) / SCALE) for score in scores)

    def _word(self, word: str) -> tuple[Row, int]:
        """Return the sum of a word's features, and how many they are."""
        found = self._words.get(word)
        if found is None:
            names = of_word(word)
            rows = [row for name in names if (row := self.weights.get(name))]
            total = tuple(map(sum, zip(*rows, strict=True))) if rows else (0,) * len(self.classes)
            found = (total, len(names))
            if len(self._words) < _MOST_KNOWN_WORDS:
                self._words[word] = found
        return found


def from_json(data: Mapping[str, object]) -> Model:
    """Read a model as the trainer wrote it.

    Raises ValueError when it is not one.
    """
    match data:
        case {"classes": list(classes), "bias": list(bias), "weights": dict(weights)} if classes:
            if any(len(row) != len(classes) for row in (bias, *weights.values())):
                raise ValueError("the model has rows of different lengths: train it again")
            rows = {name: tuple(row) for name, row in weights.items()}
            return Model(tuple(map(str, classes)), tuple(bias), rows)
        case _:
            raise ValueError("this is no model: train one with `handoff policy train`")
