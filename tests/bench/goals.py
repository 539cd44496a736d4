"""The goals, as a table: which number of which case, against what, and which way is good."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from statistics import median

Results = dict[tuple[str, str], list[dict[str, float]]]
"""Numbers by case and kind, one entry a round."""


class Against(Enum):
    """What a number is held against: nothing, or the naive bridge's of the same round."""

    NOTHING = ""
    RATIO = "x"
    DIFFERENCE = "+"


def _held(against: Against, ours: float, theirs: float) -> float:
    return ours - theirs if against is Against.DIFFERENCE else ours / theirs


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a number, or on what it is beside the naive bridge's of the same round."""

    text: str
    case: str
    kind: str
    number: str
    bound: float
    at_least: bool = True
    against: Against = Against.NOTHING

    def value(self, results: Results) -> float | None:
        """Return the median over the rounds; None when it was not measured."""
        rounds = results.get((self.case, self.kind), [])
        if self.against is Against.NOTHING:
            found = [numbers[self.number] for numbers in rounds if numbers]
        else:
            naive = results.get((self.case, "naive"), [])
            found = [
                _held(self.against, ours[self.number], theirs[self.number])
                for ours, theirs in zip(rounds, naive, strict=False)
                if ours and theirs.get(self.number)
            ]
        return median(found) if found else None

    def is_met(self, value: float) -> bool:
        """Whether a value meets the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


RATIO = Against.RATIO


def _throughput(kind: str, inward: float, outward: float) -> tuple[Goal, ...]:
    return (
        Goal(f"customer→Slack, {kind}", "loops", kind, "in per s", inward, against=RATIO),
        Goal(f"teammate→customer, {kind}", "loops", kind, "out per s", outward, against=RATIO),
    )


def _most(
    text: str, case: str, number: str, bound: float, against: Against = Against.NOTHING
) -> Goal:
    return Goal(text, case, "sqlite", number, bound, at_least=False, against=against)


def _added(text: str, number: str, bound: float) -> Goal:
    return _most(f"ms added {text} at 100/s", "latency 50 ms", number, bound, Against.DIFFERENCE)


GOALS = (
    *_throughput("sqlite", 1.0, 1.4),
    *_throughput("sqlite + uvloop", 1.3, 1.7),
    *_throughput("postgresql", 0.8, 1.3),
    *_throughput("postgresql + uvloop", 0.8, 1.3),
    _most("CPU customer→Slack", "loops", "in cpu us", 1.2, RATIO),
    _most("CPU teammate→customer", "loops", "out cpu us", 1.2, RATIO),
    _most("acknowledgement p99, Slack 0 ms", "latency 0 ms", "ack p99 ms", 15),
    _most("acknowledgement p99, Slack 50 ms", "latency 50 ms", "ack p99 ms", 15),
    _most("acknowledgement p99, Slack 200 ms", "latency 200 ms", "ack p99 ms", 15),
    _added("customer→Slack, p50", "in p50 ms", 3),
    _added("customer→Slack, p99", "in p99 ms", 15),
    _added("teammate→customer, p50", "out p50 ms", 3),
    _added("teammate→customer, p99", "out p99 ms", 15),
    Goal("share of 1 post/s used", "pacing", "sqlite", "allowance used", 0.95),
    _most("first post after a kill, s", "drain", "first post s", 1),
    Goal("drain beside the steady rate", "drain", "sqlite", "of the steady rate", 0.8),
    _most("CPU in at 1,000,000 beside 1,000", "past", "in growth", 1.2),
    _most("CPU out at 1,000,000 beside 1,000", "past", "out growth", 1.2),
    _most("kB a silent stream", "memory", "silent kB", 20),
    _most("kB a customer who chatted", "memory", "chatted kB", 35),
)


def faults(results: Results) -> list[str]:
    """Return a line for each run that failed, or lost, doubled or disordered a text."""
    return [
        f"{case}, {kind}, round {number}: "
        + (f"{int(numbers['faults'])} lost, doubled or disordered" if numbers else "failed")
        for (case, kind), rounds in results.items()
        for number, numbers in enumerate(rounds, 1)
        if numbers.get("faults", 1)
    ]


def lines(results: Results) -> Iterable[str]:
    """Return the table of goals, one line each."""
    yield f"{'goal':<40} {'reached':>9} {'wanted':>9}"
    for goal in GOALS:
        value = goal.value(results)
        if value is not None:
            sign = "≥" if goal.at_least else "≤"
            unit = "x" if goal.against is RATIO else ""
            verdict = "pass" if goal.is_met(value) else "MISS"
            wanted = f"{sign} {goal.bound:g}{unit}"
            yield f"{goal.text:<40} {value:>8.2f}{unit or ' '} {wanted:>9}  {verdict}"
