"""Our own posts as Slack tells of them: they settle doubts, and betray second copies.

Slack has no idempotency key. A post whose answer was lost can show up long after it was looked for
and sent again, and something on the way can send a request twice. Slack tells of each message, so
every post of ours comes back as an event. One that stands where its call said it stands is
forgotten at once; any other waits a moment, is compared with what is recorded, and is taken away
when its words are recorded as standing elsewhere.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from adapters.slack.kept import Kept
from adapters.slack.refs import Place
from bridge.domain.errors import DeliveryError, StoreUnavailable
from bridge.ports.core import Clock, Receipts

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""An echo often comes before the answer to the very call that made the post."""

PATIENCE_SECONDS = 900.0
"""For so long it is asked again, less and less often, what cannot be said yet: a doubt may last."""

MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Echo:
    """A post of ours that Slack told of: where it stands, in which thread, with which keys."""

    place: Place
    root: Place
    keys: tuple[str, ...]

    @property
    def is_root(self) -> bool:
        """Whether it begins a thread."""
        return self.place == self.root


@dataclass(frozen=True, slots=True)
class _Waiting:
    echo: Echo
    heard_at: float
    due_at: float


class Echoes:
    """Remembers where posts stand, and compares. `run` takes second copies away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: Kept[str, Echo] = Kept()
        self._confirmed: Kept[str, Place] = Kept()
        self._places: Kept[Place, bool] = Kept()
        self._waiting: deque[_Waiting] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()

    def confirm(self, keys: tuple[str, ...], place: Place) -> None:
        """Take down where a post stands: its call said so, or it was looked up."""
        for key in keys:
            self._confirmed.set(key, place)

    def hear(self, echo: Echo) -> None:
        """Take an echo. One that carries no keys says nothing more than that it came."""
        self._places.set(echo.place, value=True)
        for key in echo.keys:
            self._heard.add(key, echo)
        if echo.keys and self._confirmed.get(echo.keys[0]) != echo.place:
            now = self._clock.now()
            self._waiting.append(_Waiting(echo, now, now + GRACE_SECONDS))
            self._wake.set()

    def was_heard(self, place: Place) -> bool:
        """Whether a post's echo has come."""
        return self._places.get(place) is not None

    def find(self, room: str, root: Place | None, key: str) -> Place | None:
        """Return where a post with this key was heard of, in a thread or as a root of a room."""
        echo = self._heard.get(key)
        if echo is None or echo.place.channel != room:
            return None
        return echo.place if echo.is_root is (root is None) and root in {None, echo.root} else None

    async def run(self, receipts: Receipts, remove: Callable[[Place], Awaitable[None]]) -> None:
        """Take second copies away, until cancelled."""
        while True:
            await self._wake.wait()
            while self._waiting:
                first = self._waiting.popleft()
                await self._clock.sleep(first.due_at - self._clock.now())
                await self._compare(first, receipts, remove)
            self._wake.clear()

    async def _compare(
        self, waiting: _Waiting, receipts: Receipts, remove: Callable[[Place], Awaitable[None]]
    ) -> None:
        echo = waiting.echo
        try:
            is_second = await self._is_second(echo, receipts)
            if is_second:
                await remove(echo.place)
        except (DeliveryError, StoreUnavailable):
            is_second = None
        if is_second:
            self._forget(echo)
            log.warning("slack.second_copy_removed", extra={"action": "echo", "key": echo.keys[0]})
        elif is_second is None:
            self._ask_again(waiting)

    async def _is_second(self, echo: Echo, receipts: Receipts) -> bool | None:
        confirmed = [self._confirmed.get(key) for key in echo.keys]
        if echo.place in confirmed:
            return False
        if None not in confirmed:
            return True
        place = echo.place.thread if echo.is_root else echo.place.post
        return await receipts.stands_elsewhere(echo.keys, place)

    def _ask_again(self, waiting: _Waiting) -> None:
        now = self._clock.now()
        age = now - waiting.heard_at
        if age < PATIENCE_SECONDS:
            self._waiting.append(replace(waiting, due_at=now + max(age, GRACE_SECONDS)))
        else:
            log.info(
                "slack.echo_unexplained", extra={"action": "echo", "key": waiting.echo.keys[0]}
            )

    def _forget(self, echo: Echo) -> None:
        for key in echo.keys:
            if self._heard.get(key) == echo:
                self._heard.drop(key)
