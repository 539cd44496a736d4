"""From the `[policy]` table of handoff.toml to settings, or to all its problems at once."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from bridge.domain.policy.fields import FIELDS, TOPIC, Field
from bridge.domain.policy.hours import DAYS, Hours
from bridge.domain.policy.settings import (
    TOPICS,
    Ask,
    Counters,
    Frustration,
    Judge,
    ModelUse,
    Settings,
    Signals,
    Topic,
)
from bridge.domain.policy.values import Mode

_TOPIC_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_RESERVED = frozenset({"human_request", "frustration", "unresolved", "assistant", "none"})
_MAX_TOPICS = 50
_MAKERS: Mapping[str, Callable[..., object]] = {
    "ask": Ask,
    "signals": Signals,
    "counters": Counters,
    "model": ModelUse,
    "frustration": Frustration,
    "judge": Judge,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field of the file, and how to mend it; line 0 when not known."""

    line: int
    field: str
    mend: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.field}: {self.mend}"


@dataclass(slots=True)
class _Reader:
    """Reads tables and collects what is wrong."""

    lines: Mapping[str, int]
    problems: list[Problem]

    def blame(self, path: str, mend: str) -> None:
        """Note a problem with a field."""
        line, at = 0, path
        while at and not (line := self.lines.get(at, 0)):
            at = at.rpartition(".")[0]
        self.problems.append(Problem(line, path, mend))

    def values(
        self, path: str, table: object, known: Mapping[str, Field], others: frozenset[str]
    ) -> dict[str, object]:
        """Return the values of the fields a table sets; `others` are tables below it."""
        if not isinstance(table, Mapping):
            self.blame(path, f"write it as a table: [{path}]")
            return {}
        found: dict[str, object] = {}
        for name, value in table.items():
            if name in known:
                try:
                    found[name] = known[name].read(value)
                except ValueError as wrong:
                    self.blame(f"{path}.{name}", str(wrong))
            elif name not in others:
                self.blame(f"{path}.{name}", _unknown(name, {*known, *others}))
        return found


def _unknown(name: str, known: set[str]) -> str:
    close = get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"the fields are: {', '.join(sorted(known))}"
    return f"there is no such field; {hint}"


def parse_settings(table: object, source: str = "") -> Settings | tuple[Problem, ...]:
    """Read the `[policy]` table.

    Takes the table and the text of the file it came from (for line numbers); returns the settings
    or every problem, each with its line, field and mend.
    """
    reader = _Reader(dict(_lines(source)), [])
    tables = frozenset({*FIELDS, "topics"} - {""})
    found = reader.values("policy", table, FIELDS[""], tables)
    if not isinstance(table, Mapping):
        return tuple(reader.problems)
    for name, make in _MAKERS.items():
        path = f"policy.{name}"
        found[name] = make(**reader.values(path, table.get(name, {}), FIELDS[name], frozenset()))
    found["topics"] = _topics(reader, table.get("topics", {}))
    found["hours"] = _hours(reader, table["hours"]) if "hours" in table else None
    return tuple(reader.problems) or Settings(**found)  # type: ignore[arg-type]


def _topics(reader: _Reader, table: object) -> dict[str, Topic]:
    if not isinstance(table, Mapping):
        reader.blame("policy.topics", "write each topic as a table: [policy.topics.security]")
        return {}
    if len(table) > _MAX_TOPICS:
        reader.blame("policy.topics", f"at most {_MAX_TOPICS} topics: join some of them")
    own = {name: _topic(reader, str(name), value) for name, value in table.items()}
    return {**TOPICS, **own}


def _topic(reader: _Reader, name: str, table: object) -> Topic:
    path = f"policy.topics.{name}"
    values = reader.values(path, table, TOPIC, frozenset())
    fresh = TOPICS.get(name)
    if fresh is None:
        _check_own_topic(reader, path, name, table)
    start = fresh or Topic(Mode.OFFER)
    kept = {f.name: getattr(start, f.name) for f in fields(Topic)}
    return Topic(**{**kept, **values})


def _check_own_topic(reader: _Reader, path: str, name: str, table: object) -> None:
    if not _TOPIC_NAME.fullmatch(name) or name in _RESERVED:
        mend = "name a topic with small letters, digits and _ (2 to 40); not as a built-in trigger"
        reader.blame(path, mend)
    if isinstance(table, Mapping) and not table.get("phrases"):
        mend = 'a topic of your own needs phrases, such as ["data export"]'
        reader.blame(f"{path}.phrases", mend)


def _hours(reader: _Reader, table: object) -> Hours | None:
    known = FIELDS["hours"]
    values = reader.values("policy.hours", table, known, frozenset())
    zone = values.get("time_zone") or known["time_zone"].read(known["time_zone"].default)
    if not any(values.get(day) for day in DAYS) and not reader.problems:
        reader.blame(
            "policy.hours", 'give at least one day its hours, such as monday = ["09:00-17:00"]'
        )
    return Hours(
        zone,  # type: ignore[arg-type]
        tuple(values.get(day, ()) for day in DAYS),  # type: ignore[misc]
        values.get("holidays", frozenset()),  # type: ignore[arg-type]
    )


_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=")


def _lines(source: str) -> Iterator[tuple[str, int]]:
    """Yield the dotted names of the file with their lines, the last of a name first to be kept."""
    table = ""
    seen: dict[str, int] = {}
    for number, line in enumerate(source.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _plain(header[1])
            seen.setdefault(table, number)
        elif key := _KEY.match(line):
            seen.setdefault(f"{table}.{_plain(key[1])}".lstrip("."), number)
    yield from seen.items()


def _plain(name: str) -> str:
    return re.sub(r"[\s\"']", "", name)
