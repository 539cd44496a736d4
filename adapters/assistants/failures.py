"""How often asking has failed: once more for a question, and not at all for a dead server.

Two rules live here. A reply that broke is asked for once more, then refused. An assistant that
cannot be reached again and again is left alone for a while, so that customers get to people at
once instead of waiting for a time-out each.
"""

from collections import OrderedDict

from bridge.domain.delivery import Answer
from bridge.domain.errors import DeliveryError, Refused, TryAgain
from bridge.ports.assistant import Assistant, Draft, Question
from bridge.ports.core import Clock

REMEMBERED = 2_000
"""How many questions are remembered; an older one may be tried once more than it should."""


class SecondChances:
    """Remembers which questions have had their second chance."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, None] = OrderedDict()

    def failure(self, key: str, why: str) -> DeliveryError:
        """Return `TryAgain` the first time a question fails like this, then `Refused`."""
        if key in self._failed:
            del self._failed[key]
            return Refused(why)
        self._failed[key] = None
        if len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)
        return TryAgain(why)

    def forget(self, key: str) -> None:
        """The question was answered."""
        self._failed.pop(key, None)


class Breaker:
    """Counts failures in a row; after `limit` of them calls rest, twice as long each time.

    After the rest one call is let through: its end decides.
    """

    def __init__(self, clock: Clock, limit: int = 5, rest: float = 15.0) -> None:
        self._clock = clock
        self._limit = limit
        self._first_rest = rest
        self._rest = rest
        self._failures = 0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls should rest now."""
        return self._failures >= self._limit and self._clock.monotonic() < self._until

    def failed(self) -> None:
        """A call failed."""
        self._failures += 1
        if self._failures >= self._limit:
            self._until = self._clock.monotonic() + self._rest
            self._rest = min(self._rest * 2, 300.0)

    def succeeded(self) -> None:
        """A call came back."""
        self._failures = 0
        self._rest = self._first_rest

    def admit(self) -> bool:
        """Whether a call may be made; while resting ends, only the first one that asks."""
        if self.is_open:
            return False
        if self._failures >= self._limit:
            self._until = self._clock.monotonic() + self._first_rest
        return True


class Rested:
    """An assistant behind a breaker: while it rests, every question is refused at once."""

    def __init__(self, inner: Assistant, breaker: Breaker) -> None:
        self._inner = inner
        self._breaker = breaker

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Ask the assistant behind, unless it has failed too often to be worth the wait."""
        if not self._breaker.admit():
            raise Refused("the assistant has not answered several times and is left alone now")
        try:
            answer = await self._inner.answer(question, draft)
        except TryAgain as error:
            if error.after is None:
                self._breaker.failed()
            raise
        except Refused:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return answer
