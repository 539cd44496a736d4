"""Text as the detectors see it: folded, cut into words, never longer than a fixed length.

Folding works character by character, so a place in the folded text leads back to the place in
the customer's own text and the evidence of a decision is always verbatim.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import accumulate

MAX_TEXT = 2_000
"""How many characters of a message are looked at (escalation_ai.md, section 3: rule cost)."""

SENTENCE_END = 2
"""The pause that no pattern reaches over."""

_HEAD = 1_200
_SENTENCE = frozenset(".!?;\n。")
_PAUSE = frozenset(",():、—–")
_CACHED_CHARACTERS = 20_000

# Scripts written without spaces: every character is a word of its own.
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\W_{_IDEOGRAPH}]+|[.!?;\n。,():、—–]")


def clip(text: str) -> str:
    """Return the text itself, or the beginning and the end of one that is too long."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:_HEAD]}\n{text[-(MAX_TEXT - _HEAD - 1) :]}"


def _fold_character(character: str, variants: dict[str, str]) -> str:
    """Return one character in lower case, without accents and other dress."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    kept = (c for c in plain if unicodedata.category(c) not in {"Mn", "Cf"})
    return "".join(variants.get(c, c) for c in kept)


class _Folding(dict[int, str]):
    """A table for `str.translate` that learns each character when it first meets it."""

    def __init__(self, variants: dict[str, str]) -> None:
        super().__init__()
        self._variants = variants

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code), self._variants)
        if len(self) < _CACHED_CHARACTERS:
            self[code] = folded
        return folded


def _load_variants() -> dict[str, str]:
    source = files("bridge.domain.policy") / "data" / "variants.json"
    table: dict[str, str] = json.loads(source.read_text(encoding="utf-8"))
    return table


_FOLDING = _Folding(_load_variants())


def fold(text: str) -> str:
    """Return the text in compatibility form, without case, accents or invisible characters."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def words_of(text: str) -> list[str]:
    """Return the folded words of a phrase, its punctuation left out."""
    return [word for word in _WORD.findall(fold(text)) if word not in _SENTENCE | _PAUSE]


@dataclass(frozen=True, slots=True)
class Words:
    """A message cut into words.

    `pauses[i]` tells what stands before word i: 0 nothing, 1 a comma, 2 the end of a sentence;
    it has one entry more than there are words, for the end of the message.
    """

    text: str
    folded: str
    words: Sequence[str]
    pauses: Sequence[int]

    def quote(self, start: int, end: int) -> str:
        """Return the customer's own characters from word `start` up to word `end`."""
        spans = [m.span() for m in _WORD.finditer(self.folded) if _pause_of(m[0]) == 0]
        first, last = spans[start][0], spans[end - 1][1]
        if self.text.isascii():
            return self.text[first:last]
        places = list(accumulate((len(fold(c)) for c in self.text), initial=0))
        left = next(i for i in range(len(places) - 1) if places[i + 1] > first)
        right = next(i for i in range(left, len(places)) if places[i] >= last)
        return self.text[left:right]


def _pause_of(mark: str) -> int:
    return SENTENCE_END if mark in _SENTENCE else 1 if mark in _PAUSE else 0


def read(text: str) -> Words:
    """Cut a message into words; of a long one, only its beginning and end are read."""
    clipped = clip(text)
    folded = fold(clipped)
    words: list[str] = []
    pauses: list[int] = []
    pause = SENTENCE_END
    for mark in _WORD.findall(folded):
        if mark in _SENTENCE:
            pause = SENTENCE_END
        elif mark in _PAUSE:
            pause = pause or 1
        else:
            words.append(mark)
            pauses.append(pause)
            pause = 0
    pauses.append(SENTENCE_END)
    return Words(clipped, folded, words, pauses)
