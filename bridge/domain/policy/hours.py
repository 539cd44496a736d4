"""When people are there: weekly hours in a time zone, and days off.

Spans are local wall-clock times of one day; days on which the clocks change need no care from
the reader, because each day's spans are turned into instants before they are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LAST_MINUTE = 24 * 60
_LOOK_AHEAD_DAYS = 400

Span = tuple[int, int]
"""Opening and closing time, in minutes after midnight; 24:00 is the end of the day."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of the seven days from Monday, in `zone`; closed all day on `holidays`."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date] = frozenset()

    def is_open(self, at: float) -> bool:
        """Tell whether people are there at an instant (epoch seconds)."""
        return any(start <= at < end for start, end in self._instants(self._day(at)))

    def next_opening(self, at: float) -> float | None:
        """Return when people are next there: now, later, or None for never (within a year)."""
        first = self._day(at)
        for ahead in range(_LOOK_AHEAD_DAYS):
            for start, end in self._instants(first + timedelta(days=ahead)):
                if at < end:
                    return max(at, start)
        return None

    def _day(self, at: float) -> date:
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone).date()

    def _instants(self, day: date) -> Iterator[tuple[float, float]]:
        """Yield the spans of a day as instants, in order.

        Of an hour that comes twice, opening is the first and closing the second.
        """
        if day in self.holidays:
            return
        for start, end in self.week[day.weekday()]:
            opens, closes = self._instant(day, start, fold=0), self._instant(day, end, fold=1)
            if opens < closes:
                yield opens, closes

    def _instant(self, day: date, minute: int, fold: int) -> float:
        if minute == LAST_MINUTE:
            day, minute = day + timedelta(days=1), 0
        wall = time(minute // 60, minute % 60, fold=fold)
        return datetime.combine(day, wall, tzinfo=self.zone).timestamp()


def parse_span(text: str) -> Span:
    """Read a span such as `09:00-17:30`.

    Raises ValueError, with the mend, for anything that is no span of one day.
    """
    start, dash, end = text.replace(" ", "").partition("-")
    if not dash:
        raise ValueError("write a span as 09:00-17:30")
    minutes = _minute(start), _minute(end)
    if minutes[0] >= minutes[1]:
        raise ValueError(
            "a span ends after it starts; for a night write 22:00-24:00 and 00:00-02:00"
        )
    return minutes


def _minute(text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isascii() and minute.isascii() and hour.isdigit() and minute.isdigit()):
        raise ValueError("write times as 09:00")
    if len(minute) != 2 or len(hour) > 2 or int(minute) > 59:  # noqa: PLR2004 - of a clock
        raise ValueError("write times as 09:00")
    total = int(hour) * 60 + int(minute)
    if total > LAST_MINUTE:
        raise ValueError("a day ends at 24:00")
    return total


def in_order(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans of a day in order.

    Raises ValueError when two of them overlap.
    """
    ordered = tuple(sorted(spans))
    if any(one[1] > other[0] for one, other in pairwise(ordered)):
        raise ValueError("two spans overlap: join them into one")
    return ordered
