"""What the linear model sees of a message: words, pairs of words, and pieces of words.

The same functions feed the trainer and the run time, so that both always see the same.
"""

from collections.abc import Sequence
from itertools import pairwise

OTHER = "none"
"""The class of ordinary messages."""

SCALE = 100
"""Weights are stored as whole hundredths: smaller, and the same on every machine."""

MAX_WORDS = 60
"""Longer messages are judged by their first words; the rest costs time and says little."""

_PIECES = (3, 4)


def features(words: Sequence[str]) -> list[str]:
    """Return all features of a folded message, in a fixed order."""
    head = words[:MAX_WORDS]
    return [feature for word in head for feature in of_word(word)] + of_pairs(head)


def of_word(word: str) -> list[str]:
    """Return the features of a word: itself, and its pieces with the ends marked."""
    if not word.isalpha():
        return [word]
    marked = f"<{word}>"
    found = [word]
    for size in _PIECES:
        found += [marked[at : at + size] for at in range(len(marked) - size + 1)]
    return found


def of_pairs(words: Sequence[str]) -> list[str]:
    """Return the features of neighbours, the ends of the message included."""
    return [f"{one} {other}" for one, other in pairwise(["^", *words, "$"])]
