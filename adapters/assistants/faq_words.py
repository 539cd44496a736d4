"""Words of a text as the search sees them: folded, without function words, lightly stemmed.

Stemming only has to make the forms of one word equal, in questions and answers alike; what is left
of a word need not be a word.
"""

import json
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

_DATA = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))

STOPWORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split()) for language, words in _DATA["stopwords"].items()
}
"""Function words by language, folded."""

SMALL_TALK: dict[str, frozenset[str]] = {
    kind: frozenset(words.split()) for kind, words in _DATA["small_talk"].items()
}
"""Words of greeting, thanking and parting; a message made of nothing else is small talk."""

ENDINGS: dict[str, tuple[tuple[str, str], ...]] = {
    language: tuple((ending, instead) for ending, instead in pairs)
    for language, pairs in _DATA["endings"].items()
}
"""Endings that the forms of a word differ by, the longest first, and what to put instead."""

_WORD = re.compile(r"[^\W_]+")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_VOWEL = re.compile(r"[aeiouy]")

SHORTEST_STEM = 3


def folded(text: str) -> str:
    """Return text in lower case without accents, ligatures opened, one spelling of e-mail."""
    lowered = text.casefold().replace("œ", "oe").replace("e-mail", "email")
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def raw_words(text: str) -> list[str]:
    """Return the words of a text, folded; scripts without spaces come in pairs of characters."""
    words: list[str] = []
    for word in _WORD.findall(folded(text)):
        runs = _HAN.findall(word)
        if not runs:
            words.append(word)
        for run in runs:
            words.extend([run] if len(run) == 1 else _pairs(run))
    return words


def _pairs(run: str) -> list[str]:
    """Return the overlapping pairs of characters of a run."""
    return [run[place : place + 2] for place in range(len(run) - 1)]


@lru_cache(maxsize=20_000)
def stem(word: str, language: str) -> str:
    """Return what the forms of a word have in common, in a language that we stem."""
    if word.isdigit() or len(word) <= SHORTEST_STEM:
        return word
    for ending, instead in ENDINGS.get(language, ()):
        rest = word.removesuffix(ending) + instead
        if word.endswith(ending) and len(rest) >= SHORTEST_STEM and _VOWEL.search(rest):
            word = rest
            break
    return _trimmed(word) if language in ENDINGS else word


def _trimmed(word: str) -> str:
    """Trim a doubled last letter and a last e or y: stopp, exchange, delivery."""
    if len(word) > SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    if len(word) > SHORTEST_STEM and word[-1] in "eyi":
        word = word[:-1]
    return word


def terms(text: str, language: str) -> list[str]:
    """Return the terms of a text that the search counts."""
    stop = STOPWORDS.get(language, frozenset())
    return [term(word, language) for word in raw_words(text) if word not in stop]


def all_terms(text: str, language: str) -> list[str]:
    """Return the words of a text: function words as they are, all others as terms."""
    return [
        word if is_function(word, language) else term(word, language) for word in raw_words(text)
    ]


def is_function(word: str, language: str) -> bool:
    """Whether a folded word is a function word of a language."""
    return word in STOPWORDS.get(language, frozenset())


@lru_cache(maxsize=20_000)
def term(word: str, language: str) -> str:
    """Return the term that a folded word counts as: its stem, or that of its first synonym."""
    same = SYNONYMS.get(language, {})
    found = stem(word, language)
    return same.get(word) or same.get(found, found)


def _synonyms(language: str, groups: list[str]) -> dict[str, str]:
    """Return, for each word of a group and its stem, the stem of the group's first word.

    A word itself counts before a stem, for stems of different groups may meet.
    """
    listed = [raw_words(group) for group in groups]
    stems = {stem(word, language): stem(group[0], language) for group in listed for word in group}
    return stems | {word: stem(group[0], language) for group in listed for word in group}


SYNONYMS = {language: _synonyms(language, groups) for language, groups in _DATA["synonyms"].items()}
"""Words that mean the same to a shop's customers, as stems."""

VAGUE = {language: frozenset(terms(words, language)) for language, words in _DATA["vague"].items()}
"""Terms that say what kind of answer is wanted and not about what: "return policy"."""


def guessed_language(text: str, locale: str) -> str:
    """Return the language a text is in: the locale's, unless its function words say another."""
    expected = locale.replace("_", "-").partition("-")[0].lower()
    words = raw_words(text)
    counts = {language: sum(word in stop for word in words) for language, stop in STOPWORDS.items()}
    best = max(counts, key=lambda language: (counts[language], language == expected))
    return best if counts[best] >= counts.get(expected, 0) + 2 else expected


def small_talk(text: str) -> str:
    """Return which small talk a text is, when it is nothing else; else nothing."""
    words = raw_words(text)
    kinds = [
        next((kind for kind, members in SMALL_TALK.items() if word in members), "")
        for word in words
    ]
    rest = [word for word, kind in zip(words, kinds, strict=True) if not kind]
    if not any(kinds) or any(not _is_filler(word) for word in rest):
        return ""
    order = ("bye", "thanks", "hello")
    return next(kind for kind in order if kind in kinds)


def _is_filler(word: str) -> bool:
    """Whether a word says nothing by itself, in any language."""
    return any(word in stop for stop in STOPWORDS.values())


def without_greeting(text: str) -> str:
    """Return a text without the words of greeting and thanks at its start."""
    greetings = SMALL_TALK["hello"] | SMALL_TALK["thanks"]
    for match in re.finditer(r"\S+", text):
        if not all(word in greetings for word in raw_words(match[0])):
            return text[match.start() :]
    return text
