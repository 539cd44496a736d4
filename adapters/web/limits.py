"""How often something may be done, by one session or from one address.

Each key costs one number: the moment its allowance would be whole again (the generic cell rate
algorithm, ITU-T I.371). The keys are bounded; the oldest are forgotten first, which is kind to
whom they belong.
"""

from dataclasses import dataclass

from adapters.problems import Problem, try_again_in
from bridge.ports.core import Clock


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, and then `per_minute`."""

    per_minute: float
    burst: int

    @property
    def interval(self) -> float:
        """The seconds one more costs."""
        return 60.0 / self.per_minute


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one kind of call may cost a session, and an address with all its sessions."""

    session: Rate | None
    address: Rate


ALLOWANCES = {
    "open": Allowance(None, Rate(600, 200)),
    "new": Allowance(None, Rate(120, 100)),
    "message": Allowance(Rate(120, 60), Rate(1200, 400)),
    "escalate": Allowance(Rate(10, 10), Rate(60, 60)),
    "file": Allowance(Rate(30, 20), Rate(180, 90)),
    "stream": Allowance(Rate(60, 20), Rate(600, 200)),
    "other": Allowance(Rate(600, 300), Rate(6000, 2000)),
}
"""A person types a few messages a minute; an address may be an office behind one line."""

DENIED = Rate(30, 30)
"""How many refused tokens and unknown ids an address gets to try."""

TYPING_EVERY = 3.0
"""Seconds between two times that somebody's typing is passed on."""


ROUNDING = 1e-9
"""Seconds that come from adding floating-point numbers, not from impatience."""


class Buckets:
    """The allowances in use; `most` keys are kept."""

    __slots__ = ("_clock", "_most", "_whole_at")

    def __init__(self, clock: Clock, most: int = 100_000) -> None:
        self._clock = clock
        self._most = most
        self._whole_at: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._whole_at)

    def take(self, rate: Rate, what: str, whose: str) -> float:
        """Take one; returns 0, or the seconds to wait when nothing was left to take."""
        now = self._clock.monotonic()
        key = (what, whose)
        interval = rate.interval
        whole_at = max(self._whole_at.get(key, now), now) + interval
        wait = whole_at - now - interval * rate.burst
        if wait > ROUNDING:
            return wait
        self._put(key, whole_at, now)
        return 0.0

    def _put(self, key: tuple[str, str], whole_at: float, now: float) -> None:
        self._whole_at.pop(key, None)
        if len(self._whole_at) >= self._most:
            self._make_room(now)
        self._whole_at[key] = whole_at

    def _make_room(self, now: float) -> None:
        """Forget what is whole again, else the tenth that was used least lately."""
        spent = {key: at for key, at in self._whole_at.items() if at > now}
        crowd = max(0, len(spent) - self._most * 9 // 10)
        for key in list(spent)[:crowd]:
            del spent[key]
        self._whole_at = spent


class Limits:
    """Says no in time; with `on` False, to nobody."""

    def __init__(self, clock: Clock, *, on: bool) -> None:
        self.on = on
        self._buckets = Buckets(clock)

    def check(self, what: str, session: str, address: str) -> None:
        """Take one of both allowances, or raise 429 with the time to wait."""
        if not self.on:
            return
        allowance = ALLOWANCES[what]
        if allowance.session is not None:
            _refuse(self._buckets.take(allowance.session, what, session))
        _refuse(self._buckets.take(allowance.address, what, address))

    def denied(self, address: str) -> None:
        """Count a refusal; raises 429 instead when an address has been refused too often.

        Only refusals are counted, so that nobody is shut out by a neighbour's guessing.
        """
        if self.on:
            _refuse(self._buckets.take(DENIED, "denied", address))

    def may_type(self, session: str) -> bool:
        """Whether it is time to pass on again that somebody types."""
        return self._buckets.take(Rate(60 / TYPING_EVERY, 1), "typing", session) <= 0


def _refuse(wait: float) -> None:
    if wait > 0:
        detail = "That was too much at once. Retry-After says in how many seconds to come again."
        raise Problem(429, detail).with_headers(try_again_in(wait))
