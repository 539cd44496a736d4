"""Language packs: word lists and patterns as TOML, compiled into groups of rules.

A group is what the detectors ask for ("ask", "offer", "security" …); the group `<name>_not`
holds its look-alikes, which cancel a finding they overlap.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from importlib.resources import files
from operator import or_

from bridge.domain.policy.grammar import Classes, Phrase, Rule, compile_pattern, phrases, variants
from bridge.domain.policy.lexicon import Lexicon, build

LANGUAGES = ("en", "fr", "es", "de", "it", "pt", "nl", "zh", "ar")

# What a refusal may not reach over: "no need to wait, but give me a person" is none.
_WALLS = {"ask_not": "turn"}


@dataclass(frozen=True, slots=True)
class Group:
    """The rules of one language for one subject.

    `anchors` are the classes of which at least one must be present; `wall` is the class of words
    no gap may reach over.
    """

    language: str
    anchors: int
    wall: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Packs:
    """Every pack, compiled: the lexicon and, by subject, the groups of all languages.

    `small` are the classes of the small words by which languages are told apart.
    """

    lexicon: Lexicon
    groups: Mapping[str, tuple[Group, ...]]
    small: Mapping[str, int]

    def of(self, name: str) -> tuple[Group, ...]:
        """Return the groups of a subject, one a language; empty when nobody speaks of it."""
        return self.groups.get(name, ())


@dataclass(frozen=True, slots=True)
class Source:
    """A pack before it is compiled."""

    language: str
    words: Mapping[str, Sequence[Phrase]]
    common: frozenset[str]
    walled: frozenset[str]
    rules: Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(slots=True)
class _Bench:
    """What is being compiled."""

    classes: Classes = field(default_factory=lambda: Classes([]))
    groups: dict[str, list[Group]] = field(default_factory=dict)
    small: dict[str, int] = field(default_factory=dict)


def parse_pack(text: str) -> Source:
    """Read a pack from its TOML text."""
    table = tomllib.loads(text)
    prefixes = [str(prefix) for prefix in table.get("prefixes", ())]
    return Source(
        str(table["language"]),
        {name: _inflect(phrases(listed), prefixes) for name, listed in table["words"].items()},
        frozenset(table.get("common", ())),
        frozenset(table.get("walled", ())),
        {group: _patterns(rules) for group, rules in table["rules"].items()},
    )


def _patterns(rules: Mapping[str, str | list[str]]) -> dict[str, list[str]]:
    listed = {name: [p] if isinstance(p, str) else p for name, p in rules.items()}
    return {name: [v for p in found for v in variants(p)] for name, found in listed.items()}


def _inflect(listed: list[Phrase], prefixes: Sequence[str]) -> list[Phrase]:
    """Add the forms with particles that some languages write onto the word."""
    longer = [(prefix + phrase[0], *phrase[1:]) for phrase in listed for prefix in prefixes]
    return listed + longer


def compile_packs(sources: Iterable[Source]) -> Packs:
    """Compile packs into one lexicon and their groups.

    Raises PatternError when a pattern of a pack cannot be read.
    """
    bench = _Bench()
    for source in sources:
        _compile_source(source, bench)
    groups = {name: tuple(found) for name, found in bench.groups.items()}
    return Packs(build(bench.classes.lists), groups, bench.small)


def _compile_source(source: Source, bench: _Bench) -> None:
    named = {name: bench.classes.bit(listed) for name, listed in source.words.items()}
    if "small" in named:
        bench.small[source.language] = named["small"]
    common = reduce(or_, (named[name] for name in source.common if name in named), 0)
    for subject, rules in source.rules.items():
        compiled = tuple(
            compile_pattern(f"{source.language}.{subject}.{name}", pattern, named, bench.classes)
            for name, patterns in rules.items()
            for pattern in patterns
        )
        anchors = reduce(or_, (_anchor(rule, common) for rule in compiled), 0)
        wall = named.get(_WALLS.get(subject, "wall" if subject in source.walled else ""), 0)
        group = Group(source.language, anchors, wall, _sorted(compiled, common))
        bench.groups.setdefault(subject, []).append(group)


def _anchor(rule: Rule, common: int) -> int:
    """Return the class a rule is looked for by: one that ordinary messages seldom hold."""
    rare = [need for need in rule.needs if not need & common]
    return rare[-1] if rare else rule.needs[-1]


def _sorted(rules: tuple[Rule, ...], common: int) -> tuple[Rule, ...]:
    """Put the rarest need of each rule first, so that most rules are dismissed at once."""
    return tuple(
        Rule(rule.name, rule.steps, tuple(sorted(rule.needs, key=lambda n: bool(n & common))))
        for rule in rules
    )


def read_pack(language: str) -> Source:
    """Read the pack of a language that comes with the program."""
    folder = files("bridge.domain.policy") / "data" / "packs"
    return parse_pack((folder / f"{language}.toml").read_text(encoding="utf-8"))


@cache
def packaged(languages: tuple[str, ...] = LANGUAGES) -> tuple[Source, ...]:
    """Return the packs that come with the program, read once."""
    return tuple(read_pack(language) for language in languages)
