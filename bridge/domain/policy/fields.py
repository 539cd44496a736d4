"""The fields of the `[policy]` tables: what each may hold and what it is when left out.

`docs/policy.md` lists the same fields; a test compares the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bridge.domain.policy.grammar import phrases
from bridge.domain.policy.hours import DAYS, Span, in_order, parse_span
from bridge.domain.policy.packs import LANGUAGES
from bridge.domain.policy.settings import URGENCIES
from bridge.domain.policy.values import Mode

MAX_TEXT = 2_000
MAX_LIST = 200
_SHORTEST_STEM = 3
_LEAST_PHRASE = 2

Read = Callable[[object], object]
"""Reads a value of the file; raises ValueError with the mend."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how its value is read, its default as written in the file, what it may hold."""

    read: Read
    default: object
    holds: str


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("write true or false, without quotes")  # noqa: TRY004 - one kind of fault
    return value


def flag(default: bool) -> Field:  # noqa: FBT001 - a default is a value, not a switch
    """Return a field that is true or false."""
    return Field(_flag, default, "true or false")


def whole(default: int, least: int, most: int) -> Field:
    """Return a field for a whole number."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"write a whole number from {least} to {most}")
        return value

    return Field(read, default, f"{least} to {most}")


def number(default: float, least: float, most: float) -> Field:
    """Return a field for a number."""

    def read(value: object) -> float:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not least <= float(value) <= most:  # type: ignore[arg-type]
            raise ValueError(f"write a number from {least} to {most}")
        return float(value)  # type: ignore[arg-type]

    return Field(read, default, f"{least} to {most}")


def choice(default: str, *options: str) -> Field:
    """Return a field for one word out of several."""

    def read(value: object) -> str:
        if value not in options:
            raise ValueError(f"write one of: {', '.join(options)}")
        return str(value)

    return Field(read, default, ", ".join(options))


def mode(default: str, *options: Mode) -> Field:
    """Return a field for a mode."""
    plain = choice(default, *options)
    return Field(lambda value: Mode(str(plain.read(value))), default, plain.holds)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"write a text in quotes, at most {MAX_TEXT} characters")
    return value


def text(default: str = "") -> Field:
    """Return a field for a text."""
    return Field(_text, default, "a text")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise ValueError(f'write a list such as ["one", "two"], at most {MAX_LIST} entries')
    return tuple(_text(entry) for entry in value)


def _markers(value: object) -> tuple[str, ...]:
    markers = _texts(value)
    if any(len(marker.strip()) < _SHORTEST_STEM for marker in markers):
        raise ValueError(f"a marker has at least {_SHORTEST_STEM} characters")
    return markers


def _languages(value: object) -> tuple[str, ...]:
    names = _texts(value)
    unknown = [name for name in names if name not in LANGUAGES]
    if unknown or not names:
        raise ValueError(f"choose from: {', '.join(LANGUAGES)}")
    return tuple(dict.fromkeys(names))


def _phrases(value: object) -> tuple[str, ...]:
    found = _texts(value)
    for phrase in found:
        _check_phrase(phrase)
    return found


def _check_phrase(phrase: str) -> None:
    if any(sign in phrase for sign in "\\^$[](){}|+?"):
        raise ValueError(f"{phrase!r}: phrases are plain words, not regular expressions")
    listed = phrases(phrase)
    if len(listed) != 1 or sum(map(len, listed[0])) < _LEAST_PHRASE:
        raise ValueError(f"{phrase!r}: write one word or phrase an entry, without commas")
    if any(_is_star_misplaced(word) for word in listed[0]):
        raise ValueError(f"{phrase!r}: a star stands at the end of a word of 3 letters or more")


def _is_star_misplaced(word: str) -> bool:
    return "*" in word[:-1] or (word[-1] == "*" and len(word) <= _SHORTEST_STEM)


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (KeyError, ValueError, OSError):
        mend = "write a time zone such as Europe/Paris (the system needs its tzdata package)"
        raise ValueError(mend) from None


def _spans(value: object) -> tuple[Span, ...]:
    return in_order([parse_span(entry) for entry in _texts(value)])


def _dates(value: object) -> frozenset[date]:
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise ValueError('write a list of days such as ["2026-12-25"]')
    return frozenset(_date(entry) for entry in value)


def _date(value: object) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{value!r}: write days as 2026-12-25") from None


_URGENCY = choice("normal", *URGENCIES)
_ASK_MODES = (Mode.IMMEDIATE, Mode.OFFER, Mode.TAG, Mode.OFF)
_HOURS: Mapping[str, Field] = {
    "time_zone": Field(_zone, "UTC", "a time zone of the IANA list"),
    **{day: Field(_spans, [], 'spans such as ["09:00-12:00", "14:00-18:00"]') for day in DAYS},
    "holidays": Field(_dates, [], 'days such as ["2026-12-25"]'),
}
TOPIC: Mapping[str, Field] = {
    "mode": mode("offer", *Mode),
    "urgency": _URGENCY,
    "room": text(),
    "after": whole(2, 1, 20),
    "phrases": Field(_phrases, [], "words and phrases"),
}
"""The fields of each `[policy.topics.<name>]`."""

FIELDS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {
        "": {
            "languages": Field(_languages, list(LANGUAGES), ", ".join(LANGUAGES)),
            "dry_run": flag(default=False),
            "min_attempts": whole(0, 0, 20),
            "cool_down_seconds": whole(600, 0, 86_400),
            "declined_seconds": whole(1800, 0, 86_400),
            "max_bounces": whole(3, 1, 20),
        },
        "ask": {"mode": mode("immediate", *_ASK_MODES), "urgency": _URGENCY, "room": text()},
        "signals": {
            "retries": whole(1, 0, 10),
            "thumbs_down": whole(2, 0, 20),
            "announced": flag(default=True),
            "markers": Field(_markers, ["[[handoff]]"], "texts"),
        },
        "counters": {
            "strikes": whole(2, 0, 20),
            "overlap": number(0.6, 0.3, 1.0),
            "min_confidence": number(0.0, 0.0, 1.0),
            "turns": whole(0, 0, 500),
            "minutes": whole(0, 0, 1440),
        },
        "model": {"enabled": flag(default=True), "threshold": number(0.9, 0.5, 1.0)},
        "frustration": {
            "mode": mode("offer", Mode.IMMEDIATE, Mode.OFFER, Mode.TAG, Mode.OFF),
            "hits": whole(2, 1, 20),
            "urgency": choice("high", *URGENCIES),
            "room": text(),
        },
        "judge": {
            "enabled": flag(default=False),
            "min_customer_turns": whole(2, 1, 20),
            "last_turns": whole(8, 1, 20),
            "timeout_seconds": number(2.0, 0.1, 30.0),
            "guidance": text(),
        },
        "hours": _HOURS,
    }
)
"""Every table below `[policy]` except the topics; the empty name is `[policy]` itself."""
