"""Finds the section that answers a question: BM25 over questions, other wordings, and answers.

The score is a share from 0 to 1: how much of what the question is about a section speaks of, rare
words counting more (BM25's idf), repeated words less (its saturation). A word that no section
knows counts against all of them, so that a question about something else scores low; but "policy"
and its like count as a subject only where a heading has them.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.assistants.faq_pages import Section
from adapters.assistants.faq_words import (
    VAGUE,
    all_terms,
    guessed_language,
    is_function,
    raw_words,
    terms,
    without_greeting,
)
from adapters.assistants.prompt import asked
from bridge.ports.assistant import Question

K1 = 0.4
"""Saturation (BM25's k1): questions are short, a second hit says little more."""
B = 0.6
"""How much the length of an answer counts (BM25's b)."""
WEIGHTS = {"question": 3.0, "alias": 2.5, "topic": 1.0, "text": 0.35}
"""What a hit counts by where it is."""
CLOSE = 0.7
"""What a word one letter away from a known one counts."""
SHORTEST_CLOSE = 5
UNKNOWN = 0.7
"""What a word that no section knows weighs, as a share of the rarest known one."""
FUNCTION = 0.15
"""What a function word weighs when whole wordings are compared: "where is" is not "how long is"."""
WORDING = 0.4
"""The share of the score that comes from the wording that is most like the question."""

LOOKED_AT = 800
"""How many characters are looked at: as many at the beginning as at the end."""
CLAUSES = 6
"""How many clauses are looked at by themselves, the last ones."""
LONG = 10
"""From how many words on a message is also looked at clause by clause."""

PASSAGES = 3
PASSAGE_SCORE = 0.2


_CLAUSE_END = re.compile(r"[.!?;:\n]+\s|,\s|\s[-–—]\s")


@dataclass(frozen=True, slots=True)
class Hit:
    """A section and its score."""

    section: Section
    score: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """A section with its terms: how much each counts, those it is named after, its wordings."""

    section: Section
    counts: dict[str, float]
    about: frozenset[str]
    wordings: tuple[frozenset[str], ...]
    length: int


def clipped(text: str) -> str:
    """Return a text, or the beginning and the end of a long one."""
    half = LOOKED_AT // 2
    return text if len(text) <= LOOKED_AT else f"{text[:half]}\n{text[-half:]}"


def is_close(word: str, known: str) -> bool:
    """Whether two words with the same first letter are one edit (or swap) apart."""
    if word[0] != known[0] or abs(len(word) - len(known)) > 1:
        return False
    start = next(
        (place for place, pair in enumerate(zip(word, known, strict=False)) if pair[0] != pair[1]),
        min(len(word), len(known)),
    )
    left, right = word[start:], known[start:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[1::-1] == right[:2] and left[2:] == right[2:])
    )


class _Shelf:
    """The sections of one language."""

    def __init__(self, sections: Sequence[Section], language: str) -> None:
        self._language = language
        self._entries = [_entry(section, language) for section in sections]
        headings = " ".join(f"{section.topic} {section.question}" for section in sections)
        self._vague = VAGUE.get(language, frozenset()).difference(terms(headings, language))
        found = Counter(term for entry in self._entries for term in entry.counts)
        total = len(self._entries)
        self._rarity = {
            term: math.log(1 + (total - count + 0.5) / (count + 0.5))
            for term, count in found.items()
        }
        self._rarest = math.log(1 + (total + 0.5) / 0.5)
        self._mean = sum(entry.length for entry in self._entries) / total

    def search(self, text: str) -> list[Hit]:
        """Return the sections that speak of a text, or of one clause of a long one, best first.

        People tell a story and ask at its end; words around the question must not drown it.
        """
        clauses = [clause for clause in _CLAUSE_END.split(text) if clause.strip()][-CLAUSES:]
        if len(raw_words(text)) < LONG or len(clauses) == 1:
            return self._matched(text)
        best: dict[str, Hit] = {}
        for hit in (hit for clause in (text, *clauses) for hit in self._matched(clause)):
            known = best.get(hit.section.place)
            if known is None or hit.score > known.score:
                best[hit.section.place] = hit
        return sorted(best.values(), key=lambda hit: -hit.score)

    def _matched(self, text: str) -> list[Hit]:
        """Return the sections that speak of anything in a text, the best first."""
        wanted = [term for term in terms(text, self._language) if term not in self._vague]
        known = {term: self._known(term) for term in dict.fromkeys(wanted)}
        whole = sum(self._weight(term) for term, _ in known.values())
        if not whole:
            return []
        words = frozenset(
            known[word][0] if word in known else word for word in all_terms(text, self._language)
        )
        hits = [
            Hit(
                entry.section,
                (1 - WORDING) * self._spoken_of(entry, list(known.values())) / whole
                + WORDING * max(self._likeness(words, wording) for wording in entry.wordings),
            )
            for entry in self._entries
            if any(term in entry.about for term, _ in known.values())
        ]
        return sorted(hits, key=lambda hit: -hit.score)

    def _known(self, term: str) -> tuple[str, float]:
        """Return a term, or the known one that it is a slip of, and what it counts."""
        if term in self._rarity or len(term) < SHORTEST_CLOSE:
            return term, 1.0
        near = [known for known in self._rarity if len(known) > 3 and is_close(term, known)]  # noqa: PLR2004 -- shorter ones are near to too much
        return (max(near, key=self._rarity.__getitem__), CLOSE) if near else (term, 1.0)

    def _weight(self, term: str) -> float:
        """Return what a content term weighs."""
        unknown = UNKNOWN * self._rarest
        return self._rarity.get(term, unknown)

    def _spoken_of(self, entry: _Entry, wanted: Sequence[tuple[str, float]]) -> float:
        """Return how much of what is wanted a section speaks of (BM25)."""
        norm = K1 * (1 - B + B * entry.length / self._mean)
        return sum(
            share * self._rarity[term] * entry.counts[term] / (entry.counts[term] + norm)
            for term, share in wanted
            if term in entry.counts
        )

    def _likeness(self, words: frozenset[str], wording: frozenset[str]) -> float:
        """Return how alike a question and a wording are, 0 to 1 (weighted Dice)."""
        both = sum(self._any_weight(word) for word in words & wording)
        each = sum(self._any_weight(word) for word in words)
        other = sum(self._any_weight(word) for word in wording)
        return 2 * both / (each + other) if each + other else 0.0

    def _any_weight(self, word: str) -> float:
        """Return what a word weighs when wordings are compared."""
        is_light = word in self._vague or is_function(word, self._language)
        return FUNCTION if is_light else self._weight(word)


def _entry(section: Section, language: str) -> _Entry:
    """Count the terms of a section."""
    counts: dict[str, float] = defaultdict(float)
    parts = {
        "question": terms(section.question, language),
        "topic": terms(section.topic, language),
        "text": terms(section.text, language),
    }
    aliases = frozenset().union(*(terms(alias, language) for alias in section.aliases))
    for name, found in {**parts, "alias": aliases}.items():
        for term in found:
            counts[term] += WEIGHTS[name]
    wordings = (section.question, *section.aliases)
    return _Entry(
        section,
        dict(counts),
        frozenset(parts["question"]).union(aliases, parts["topic"]),
        tuple(frozenset(all_terms(wording, language)) for wording in wordings),
        len(parts["text"]),
    )


class Faq:
    """All sections, by language."""

    def __init__(self, sections: Sequence[Section]) -> None:
        languages = {section.language for section in sections if section.language}
        self._shelves = {
            language: _Shelf(
                [each for each in sections if each.language in {language, ""}], language
            )
            for language in sorted(languages)
        }
        shared = [section for section in sections if not section.language]
        if shared:
            self._shelves[""] = _Shelf(shared, "en")

    def search(self, text: str, locale: str) -> list[Hit]:
        """Return the sections that may answer a text, in the customer's language if there are any.

        Only when their language has nothing of its own, the others are searched.
        """
        text = without_greeting(clipped(text))
        spoken = guessed_language(text, locale)
        for language in dict.fromkeys((spoken, locale.partition("-")[0].lower())):
            hits = self._shelves[language].search(text) if language in self._shelves else []
            if hits:
                return hits
        return sorted(
            (hit for shelf in self._shelves.values() for hit in shelf.search(text)),
            key=lambda hit: -hit.score,
        )

    def passages(self, question: Question) -> tuple[str, ...]:
        """Return the texts that may answer a question, each under its heading."""
        hits = self.search(asked(question), question.customer.locale)
        found = [hit.section for hit in hits[:PASSAGES] if hit.score >= PASSAGE_SCORE]
        return tuple(f"## {section.question}\n\n{section.text}" for section in found)
