"""From words to word classes: one look-up a word, for all languages at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bridge.domain.policy.grammar import Phrase

_STEM = 3

Mark = tuple[int, int, int]
"""A stretch of words (first, behind the last) and the classes it belongs to, as a bit set."""


@dataclass(slots=True)
class Word:
    """What may begin with a word.

    `bits` are the classes the word belongs to by itself; `longer` are the phrases that go on,
    by their second word: the rest after it and the classes. Under the empty string stand those
    whose second word has a star.
    """

    bits: int = 0
    longer: dict[str, list[tuple[Phrase, int]]] = field(default_factory=dict)

    def add(self, rest: Phrase, bits: int) -> None:
        """Add a phrase by what follows its first word."""
        if not rest:
            self.bits |= bits
        elif rest[0][-1] == "*":
            self.longer.setdefault("", []).append((rest, bits))
        else:
            self.longer.setdefault(rest[0], []).append((rest[1:], bits))

    def join(self, other: "Word") -> "Word":
        """Return what may begin with either of two."""
        keys = self.longer.keys() | other.longer.keys()
        longer = {k: self.longer.get(k, []) + other.longer.get(k, []) for k in keys}
        return Word(self.bits | other.bits, longer)


_NOTHING = Word()


@dataclass(slots=True)
class Lexicon:
    """All word classes of all packs, found by the first word of their phrases.

    Words written with a `*` are kept apart, by their first characters.
    """

    exact: dict[str, Word] = field(default_factory=dict)
    stems: dict[str, list[tuple[str, Word]]] = field(default_factory=dict)

    def look_up(self, word: str) -> Word:
        """Return what may begin with this word."""
        found = self.exact.get(word, _NOTHING)
        for stem, meaning in self.stems.get(word[:_STEM], ()):
            if word.startswith(stem):
                found = found.join(meaning)
        return found

    def marks(self, words: Sequence[str]) -> list[Mark]:
        """Return every stretch of words that belongs to a class, in order."""
        found: list[Mark] = []
        for place, word in enumerate(words):
            meaning = self.look_up(word)
            if meaning.bits:
                found.append((place, place + 1, meaning.bits))
            if meaning.longer:
                found += _longer(words, place, meaning)
        return found


def _longer(words: Sequence[str], place: int, meaning: Word) -> Iterator[Mark]:
    second = place + 1
    if second == len(words):
        return
    for rest, bits in meaning.longer.get(words[second], ()):
        if not rest or _follows(words, second + 1, rest):
            yield place, second + 1 + len(rest), bits
    for rest, bits in meaning.longer.get("", ()):
        if _follows(words, second, rest):
            yield place, second + len(rest), bits


def build(lists: Iterable[Iterable[Phrase]]) -> Lexicon:
    """Build the lexicon of lists of phrases; the n-th list has bit n.

    Raises ValueError for a star after fewer than three letters: it would match half a language.
    """
    lexicon = Lexicon()
    for number, phrases in enumerate(lists):
        for phrase in phrases:
            _word_for(lexicon, phrase[0]).add(phrase[1:], 1 << number)
    return lexicon


def _word_for(lexicon: Lexicon, first: str) -> Word:
    if not first.endswith("*"):
        return lexicon.exact.setdefault(first, Word())
    stem = first[:-1]
    if len(stem) < _STEM:
        raise ValueError(f"write at least {_STEM} letters before the star: {first}")
    listed = lexicon.stems.setdefault(stem[:_STEM], [])
    found = next((word for known, word in listed if known == stem), None)
    if found is None:
        found = Word()
        listed.append((stem, found))
    return found


def _follows(words: Sequence[str], place: int, rest: Phrase) -> bool:
    if place + len(rest) > len(words):
        return False
    return all(_is(words[place + i], part) for i, part in enumerate(rest))


def _is(word: str, part: str) -> bool:
    return word == part or (part[-1] == "*" and word.startswith(part[:-1]))
