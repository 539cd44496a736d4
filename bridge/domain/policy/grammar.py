"""The little language of the packs: word classes and patterns over them, compiled once.

A pattern is a sequence of word classes with bounded gaps, never a regular expression, so matching
takes time in proportion to the message whatever a customer or an administrator writes.

    contact ..3 person     the classes in this order, at most three other words between them
    'call back' me|us      quoted words stand for themselves, `|` is a choice
    please? adj*           may be missing; may come up to four times
    ^ yes $                ^ and $ are the ends of a clause, ^^ and $$ those of the message
    offer ,,6 person       as ..6, and the gap may cross a comma
    offer ~~6 person       as ,,6, and it may reach over the words of the pack's wall too
    human $|please         the end of a clause, or one of these words
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.domain.policy.text import words_of

Phrase = tuple[str, ...]
Resolve = Callable[[Sequence[Phrase]], int]

MAX_STEPS = 12
MAX_GAP = 12

_ITEM = re.compile(r"(?P<atoms>(?:'[^']+'|[a-z_]+)(?:\|(?:'[^']+'|[a-z_]+))*)(?P<times>[?*]?)")
_GAP = re.compile(r"(?P<kind>\.\.|,,|~~)(?P<width>\d{1,2})")
_REACHES = {"..": 0, ",,": 1, "~~": 2}
_EDGES = {"^": 1, "^^": 2, "$": 1, "$$": 2}


class PatternError(ValueError):
    """A pattern or a list of words cannot be read; the text says what and where."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pattern.

    `classes` is a bit set of word classes, or 0 for an edge; `edge` is 1 for the end of a clause
    and 2 for that of the message, negative on the left side. `gap` is how many other words may
    stand before; `crosses` lets them reach over a comma (1), and over the
    words of the pack's wall too (2).
    """

    classes: int = 0
    gap: int = 0
    crosses: int = 0
    optional: bool = False
    many: bool = False
    edge: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A named pattern of a pack; `needs` are the classes without which it cannot match."""

    name: str
    steps: tuple[Step, ...]
    needs: tuple[int, ...]


@dataclass(slots=True)
class Classes:
    """Gives each list of words its bit and remembers the lists, for the lexicon."""

    lists: list[tuple[Phrase, ...]]

    def bit(self, phrases: Sequence[Phrase]) -> int:
        """Return the bit of a list of words, a new one each time."""
        self.lists.append(tuple(phrases))
        return 1 << (len(self.lists) - 1)


def phrases(text: str) -> list[Phrase]:
    """Read a comma-separated list of phrases; `word*` also stands for its longer forms."""
    return [phrase for part in text.split(",") if (phrase := _phrase(part))]


def _phrase(text: str) -> Phrase:
    found: list[str] = []
    for part in text.split():
        words = words_of(part)
        if part.endswith("*") and words:
            words[-1] += "*"
        found += words
    return tuple(found)


def variants(pattern: str) -> list[str]:
    """Return the pattern, or the two it stands for when it says "the end, or these words"."""
    head, either, tail = pattern.partition(" $|")
    return [f"{head} $", f"{head} {tail}"] if either else [pattern]


def compile_pattern(name: str, pattern: str, named: Mapping[str, int], classes: Classes) -> Rule:
    """Compile one pattern of a pack.

    Raises PatternError when it uses an unknown class, is too long, or could match nothing.
    """
    steps = tuple(_steps(name, pattern, named, classes))
    if len(steps) > MAX_STEPS:
        raise PatternError(f"{name}: a pattern has at most {MAX_STEPS} steps: {pattern}")
    needs = tuple(s.classes for s in steps if s.classes and not s.optional)
    if not needs:
        raise PatternError(f"{name}: a pattern needs a word that must be there: {pattern}")
    return Rule(name, steps, needs)


def _steps(name: str, pattern: str, named: Mapping[str, int], classes: Classes) -> Iterator[Step]:
    gap, crosses = 0, 0
    for item in _items(pattern):
        if found := _GAP.fullmatch(item):
            gap, crosses = min(int(found["width"]), MAX_GAP), _REACHES[found["kind"]]
        elif edge := _EDGES.get(item):
            yield Step(edge=-edge if item[0] == "^" else edge)
        elif found := _ITEM.fullmatch(item):
            bits = _bits(name, found["atoms"], named, classes)
            yield Step(bits, gap, crosses, bool(found["times"]), found["times"] == "*")
            gap, crosses = 0, 0
        else:
            raise PatternError(f"{name}: cannot read {item!r} in the pattern: {pattern}")
    if gap:
        raise PatternError(f"{name}: a gap needs a word after it: {pattern}")


def _items(pattern: str) -> list[str]:
    return re.findall(r"(?:'[^']*'|[^\s'])+", pattern)


def _bits(name: str, atoms: str, named: Mapping[str, int], classes: Classes) -> int:
    bits = 0
    for atom in re.findall(r"'[^']+'|[a-z_]+", atoms):
        if atom[0] == "'":
            bits |= classes.bit([_phrase(part) for part in atom[1:-1].split(",")])
        elif atom in named:
            bits |= named[atom]
        else:
            raise PatternError(f"{name}: there is no list of words called {atom!r}")
    return bits
