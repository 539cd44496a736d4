"""What the linear model sees of a message: words, pairs of words, and pieces of words.

The same function feeds the trainer and the run time, so that both always see the same.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

OTHER = "none"
"""The class of ordinary messages."""

SCALE = 100
"""Weights are stored as whole hundredths: smaller, and the same on every machine."""

MAX_WORDS = 60
"""Longer messages are judged by their first words; the rest costs time and says little."""

_PIECES = (3, 4)


def features(words: Sequence[str]) -> list[str]:
    """Return the features of a folded message, each once, in a fixed order."""
    head = ["^", *words[:MAX_WORDS], "$"]
    found = dict.fromkeys(words[:MAX_WORDS])
    found.update(dict.fromkeys(f"{a} {b}" for a, b in pairwise(head)))
    for word in tuple(found):
        if " " not in word and word.isalpha():
            found.update(dict.fromkeys(_pieces(word)))
    return list(found)


def _pieces(word: str) -> Iterator[str]:
    marked = f"<{word}>"
    for size in _PIECES:
        for at in range(len(marked) - size + 1):
            yield marked[at : at + size]
