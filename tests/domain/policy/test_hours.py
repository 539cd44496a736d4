"""Opening hours across time zones, changing clocks and days off."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.policy import Policy, parse_policy
from bridge.domain.policy.hours import Hours, in_order, parse_span


def hours(days: dict[str, list[str]], zone: str = "Europe/Paris") -> Hours:
    """Return hours as a file would give them."""
    found = parse_policy({"hours": {"time_zone": zone, **days}})
    assert isinstance(found, Policy), found
    assert found.hours is not None
    return found.hours


def at(text: str, zone: str = "Europe/Paris", fold: int = 0) -> float:
    """Return the instant of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


OFFICE = {
    day: ["09:00-12:00", "14:00-18:00"]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T12:00:00", False),
        ("2026-11-23T13:00:00", False),
        ("2026-11-23T17:59:59", True),
        ("2026-11-28T10:00:00", False),
    ],
)
def test_a_span_includes_its_beginning_and_not_its_end(when: str, *, is_open: bool) -> None:
    """At nine the door opens, at twelve it is shut."""
    assert hours(OFFICE).is_open(at(when)) is is_open


def test_hours_are_those_of_the_time_zone() -> None:
    """Nine in Paris is not nine in New York."""
    there = hours(OFFICE, "America/New_York")
    assert not there.is_open(at("2026-11-23T09:00:00"))
    assert there.is_open(at("2026-11-23T15:00:00"))


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("2026-11-23T10:00:00", "2026-11-23T10:00:00"),
        ("2026-11-23T12:30:00", "2026-11-23T14:00:00"),
        ("2026-11-23T19:00:00", "2026-11-24T09:00:00"),
        ("2026-11-27T18:00:00", "2026-11-30T09:00:00"),
    ],
)
def test_the_next_opening_is_now_later_or_another_day(when: str, opens: str) -> None:
    """Where people are there already, the next opening is now."""
    assert hours(OFFICE).next_opening(at(when)) == at(opens)


def test_nobody_comes_on_a_holiday() -> None:
    """A day off is shut from midnight to midnight, local time."""
    office = hours({**OFFICE, "holidays": ["2026-12-25"]})
    assert not office.is_open(at("2026-12-25T10:00:00"))
    assert office.next_opening(at("2026-12-24T18:00:00")) == at("2026-12-28T09:00:00")


def test_an_hour_that_does_not_exist_shifts_the_opening() -> None:
    """On the night the clocks go forward, half past two is half past three."""
    night = hours({"sunday": ["02:30-06:00"]})
    assert not night.is_open(at("2026-03-29T01:59:59"))
    assert night.next_opening(at("2026-03-29T01:00:00")) == at("2026-03-29T03:30:00")


def test_an_hour_that_comes_twice_is_open_throughout() -> None:
    """On the night the clocks go back, a span over the change is one span."""
    night = hours({"sunday": ["01:00-02:30"]})
    assert night.is_open(at("2026-10-25T02:15:00", fold=0))
    assert night.is_open(at("2026-10-25T02:45:00", fold=0))
    assert night.is_open(at("2026-10-25T02:15:00", fold=1))
    assert not night.is_open(at("2026-10-25T02:30:00", fold=1))


def test_a_day_has_its_own_length_when_the_clocks_change() -> None:
    """Nine to five stays nine to five by the clock on the wall."""
    office = hours(OFFICE)
    before, after = at("2026-03-27T09:00:00"), at("2026-03-30T09:00:00")
    assert office.is_open(before)
    assert office.is_open(after)
    assert after - before == (3 * 24 - 1) * 3600


def test_a_day_may_end_at_midnight() -> None:
    """24:00 is the first instant of the next day."""
    late = hours({"friday": ["22:00-24:00"], "saturday": ["00:00-02:00"]})
    assert late.is_open(at("2026-11-27T23:59:59"))
    assert late.is_open(at("2026-11-28T00:00:00"))
    assert not late.is_open(at("2026-11-28T02:00:00"))


def test_hours_that_never_come_have_no_next_opening() -> None:
    """Without any span there is nothing to wait for."""
    never = Hours(ZoneInfo("UTC"), ((),) * 7)
    assert never.next_opening(0) is None
    assert not never.is_open(0)


@pytest.mark.parametrize(
    "text", ["", "-", "9", "24:01-25:00", "09:00-09:00", "²:00-10:00", "1:5-2"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    """Impossible times never become hours."""
    with pytest.raises(ValueError, match=r"write|ends"):
        parse_span(text)


def test_spans_are_sorted() -> None:
    """The afternoon may be written before the morning."""
    assert in_order([(840, 1080), (540, 720)]) == ((540, 720), (840, 1080))


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware below
    st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu"]),
)
def test_at_its_next_opening_it_is_open(when: datetime, zone: str) -> None:
    """Whatever the instant, the answer to "when" agrees with the answer to "now"."""
    office = hours(OFFICE, zone)
    instant = when.replace(tzinfo=UTC).timestamp()
    opening = office.next_opening(instant)
    assert opening is not None
    assert opening >= instant
    assert office.is_open(opening)
    assert (opening == instant) == office.is_open(instant)
