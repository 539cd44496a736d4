"""Numbers about the running program, in the Prometheus text format (version 0.0.4).

Labels come from tables in the code, never from what a client sent, so that their number is
bounded and no customer text can be among them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the buckets for durations."""

Labels = tuple[str, ...]


@dataclass(slots=True)
class Counter:
    """Counts events by label values; `labels` are the labels' names."""

    name: str
    about: str
    labels: Labels = ()
    values: dict[Labels, float] = field(default_factory=dict)

    def add(self, *values: str, amount: float = 1.0) -> None:
        """Count events whose labels have these values, in the order of the names."""
        self.values[values] = self.values.get(values, 0.0) + amount

    def lines(self) -> Iterable[str]:
        """Yield the lines of the text format."""
        yield from _head(self.name, self.about, "counter")
        for values, number in sorted(self.values.items()):
            yield f"{self.name}{_labelled(self.labels, values)} {_number(number)}"


@dataclass(slots=True)
class Gauge:
    """A number that goes up and down, asked for when it is wanted."""

    name: str
    about: str
    read: Callable[[], float]

    def lines(self) -> Iterable[str]:
        """Yield the lines of the text format."""
        yield from _head(self.name, self.about, "gauge")
        yield f"{self.name} {_number(self.read())}"


@dataclass(slots=True)
class Durations:
    """A histogram of seconds by label values."""

    name: str
    about: str
    labels: Labels = ()
    counts: dict[Labels, list[int]] = field(default_factory=dict)
    sums: dict[Labels, float] = field(default_factory=dict)

    def observe(self, seconds: float, *values: str) -> None:
        """Take one duration."""
        counts = self.counts.get(values)
        if counts is None:
            counts = self.counts[values] = [0] * (len(SECONDS) + 1)
        counts[bisect_left(SECONDS, seconds)] += 1
        self.sums[values] = self.sums.get(values, 0.0) + seconds

    def lines(self) -> Iterable[str]:
        """Yield the lines of the text format."""
        yield from _head(self.name, self.about, "histogram")
        for values, counts in sorted(self.counts.items()):
            yield from self._buckets(values, counts)

    def _buckets(self, values: Labels, counts: list[int]) -> Iterable[str]:
        total = 0
        bounds = [*(_number(bound) for bound in SECONDS), "+Inf"]
        for bound, count in zip(bounds, counts, strict=True):
            total += count
            labels = _labelled((*self.labels, "le"), (*values, bound))
            yield f"{self.name}_bucket{labels} {total}"
        labels = _labelled(self.labels, values)
        yield f"{self.name}_sum{labels} {_number(self.sums[values])}"
        yield f"{self.name}_count{labels} {total}"


Metric = Counter | Gauge | Durations


class Metrics:
    """All metrics of the process, each registered once by its name."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def counter(self, name: str, about: str, labels: Labels = ()) -> Counter:
        """Register a counter and return it."""
        counter = Counter(name, about, labels)
        self._metrics[name] = counter
        return counter

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Register a number that `read` tells."""
        self._metrics[name] = Gauge(name, about, read)

    def durations(self, name: str, about: str, labels: Labels = ()) -> Durations:
        """Register a histogram of seconds and return it."""
        durations = Durations(name, about, labels)
        self._metrics[name] = durations
        return durations

    def text(self) -> str:
        """Return everything in the text format."""
        lines = [line for metric in self._metrics.values() for line in metric.lines()]
        return "\n".join([*lines, ""])


def _head(name: str, about: str, kind: str) -> Iterable[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _labelled(names: Labels, values: Labels) -> str:
    pairs = ",".join(f'{name}="{_escape(v)}"' for name, v in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
