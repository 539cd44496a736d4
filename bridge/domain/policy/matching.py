"""Finding the rules of a group in a message, in time proportional to its length.

For each step of a pattern the set of places it may have reached is carried along; nothing is
ever tried twice, so there is no text that makes matching slow.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import accumulate
from operator import or_

from bridge.domain.policy.grammar import Rule, Step
from bridge.domain.policy.lexicon import Mark
from bridge.domain.policy.packs import Group, Packs
from bridge.domain.policy.text import SENTENCE_END, Words, read

_MOST_REPEATS = 4
_SLACK = 1

ANY_LANGUAGE = frozenset({"ask", "no_bot", "accept", "accept_strong", "decline"})
"""What is said in one's own words amid another language too: "yes, un conseiller svp"."""

Span = tuple[int, int]
Reached = dict[int, int]
"""Places a pattern may have got to: where → where it began."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule found in a message, from word `start` up to word `end`."""

    rule: str
    start: int
    end: int
    words: Words

    @property
    def evidence(self) -> str:
        """The customer's own words."""
        return self.words.quote(self.start, self.end)


@dataclass(slots=True)
class Reading:
    """A message prepared for being asked about many groups."""

    packs: Packs
    words: Words
    marks: Sequence[Mark]
    bits: int
    _spans_of: dict[int, list[Span]] = field(default_factory=dict)
    _walls_of: dict[int, list[int]] = field(default_factory=dict)
    _ends: list[int] = field(default_factory=list)
    _commas: list[int] = field(default_factory=list)

    def find(self, name: str, kind: str = "") -> Finding | None:
        """Return the first finding of a group (of one `kind` of its rules) that counts.

        A finding that a look-alike overlaps does not.
        """
        for group, rule in self._candidates(name):
            if not rule.name.endswith(kind):
                continue
            spans = self._match(group, rule)
            free = self._outside_lookalikes(name, spans) if spans else None
            if free and self._may_be(group.language, free if name in ANY_LANGUAGE else None):
                return Finding(rule.name, *free, self.words)
        return None

    def _may_be(self, language: str, span: Span | None) -> bool:
        """Tell whether a message, or a span of it, can be in a language.

        It is not when its small words are those of another.
        """
        small = self.packs.small
        if language not in small:
            return True
        first, last = span or (0, len(self.words.words))
        found = [bits for start, end, bits in self.marks if first <= start and end <= last]
        counts = {name: sum(1 for bits in found if bits & bit) for name, bit in small.items()}
        return counts[language] + _SLACK >= max(counts.values())

    def has(self, name: str) -> bool:
        """Tell whether a group is found."""
        return self.find(name) is not None

    def _candidates(self, name: str) -> Iterator[tuple[Group, Rule]]:
        bits = self.bits
        for group in self.packs.of(name):
            if bits & group.anchors:
                for rule in group.rules:
                    if bits & rule.needs[0] and all(bits & need for need in rule.needs):
                        yield group, rule

    def _outside_lookalikes(self, name: str, spans: list[Span]) -> Span | None:
        not_it = [
            span
            for other, rule in self._candidates(f"{name}_not")
            for span in self._match(other, rule)
        ]
        return next((span for span in spans if not _overlaps(span, not_it)), None)

    def _match(self, group: Group, rule: Rule) -> list[Span]:
        """Return where a rule matches, the earliest end first."""
        if not self._ends:
            # One more in front: place -1 is before the message and counts nothing.
            self._ends = [*accumulate(p == SENTENCE_END for p in self.words.pauses), 0]
            self._commas = [*accumulate(p >= 1 for p in self.words.pauses), 0]
        first, *rest = rule.steps
        reached = self._begin(first)
        for step in rest:
            if not reached:
                return []
            reached = self._advance(reached, step, group.wall)
        return sorted(((s, e) for e, s in reached.items()), key=lambda span: span[1])

    def _begin(self, step: Step) -> Reached:
        if step.edge:
            pauses = self.words.pauses
            places = [i for i in range(len(pauses) - 1) if pauses[i] >= 1]
            return {i: i for i in (places if step.edge == -1 else [0])}
        return {end: start for start, end in self._of(step.classes)}

    def _advance(self, reached: Reached, step: Step, wall: int) -> Reached:
        if step.edge:
            return {place: s for place, s in reached.items() if self._is_end(place, step.edge)}
        found = self._one(reached, step, wall)
        if step.many:
            for _ in range(_MOST_REPEATS - 1):
                found = {**self._one(found, step, wall), **found}
        return {**reached, **found} if step.optional else found

    def _is_end(self, place: int, edge: int) -> bool:
        pauses = self.words.pauses
        return pauses[place] >= 1 if edge == 1 else place == len(pauses) - 1

    def _one(self, reached: Reached, step: Step, wall: int) -> Reached:
        spans = self._of(step.classes)
        found: Reached = {}
        for place, start in reached.items():
            for at in range(bisect_left(spans, (place, 0)), len(spans)):
                first, end = spans[at]
                if first > place + step.gap:
                    break
                if self._is_free(place - (start != place), place, first, step.crosses, wall):
                    found[end] = max(start, found.get(end, -1))
        return found

    def _is_free(self, left: int, place: int, first: int, crosses: int, wall: int) -> bool:
        if self._ends[first] != self._ends[left]:
            return False
        if first == place or crosses > 1:
            return True
        if not crosses and self._commas[first] != self._commas[left]:
            return False
        walls = self._walls(wall)
        return walls[first] == walls[place]

    def _of(self, classes: int) -> list[Span]:
        found = self._spans_of.get(classes)
        if found is None:
            found = [(start, end) for start, end, bits in self.marks if bits & classes]
            found.sort()
            self._spans_of[classes] = found
        return found

    def _walls(self, wall: int) -> list[int]:
        found = self._walls_of.get(wall)
        if found is None:
            starts = {start for start, _ in self._of(wall)}
            counts = accumulate(place in starts for place in range(len(self.words.words)))
            found = self._walls_of[wall] = [0, *counts]
        return found


def _overlaps(span: Span, others: list[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def read_with(packs: Packs, text: str) -> Reading:
    """Prepare a message for the groups of these packs."""
    words = read(text)
    marks = packs.lexicon.marks(words.words)
    return Reading(packs, words, marks, reduce(or_, (bits for _, _, bits in marks), 0))
