"""Our own posts as Slack tells of them: they settle doubts, and betray second copies.

Slack has no idempotency key. A post whose answer was lost can show up long after it was looked for
and sent again, and something on the way can send a request twice. Slack tells of each message, so
every post of ours comes back as an event. One that stands where its call said it stands is
forgotten at once; any other waits a moment, is compared with what is recorded, and is taken away
when its words are recorded as standing elsewhere.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from adapters.slack.kept import Kept
from adapters.slack.refs import Place, ts_order
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


class Posts(Protocol):
    """What the desk does with its posts."""

    async def remove(self, place: Place) -> None:
        """Take a post away; repeating it is harmless. Raises a `DeliveryError`."""
        ...

    async def keys_at(self, place: Place, root: Place) -> tuple[str, ...]:
        """Read the keys a post carries; none when there are none. Raises a `DeliveryError`."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    due_at: float
    number: int
    heard_at: float = field(compare=False)
    echo: Echo = field(compare=False)


class Echoes:
    """Remembers where posts stand, and compares. `run` takes second copies away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: Kept[str, Echo] = Kept()
        self._confirmed: Kept[str, Place] = Kept()
        self._standing: Kept[Place, bool] = Kept()
        self._places: Kept[Place, bool] = Kept()
        self._waiting: list[_Waiting] = []
        self._number = count()
        self._wake = asyncio.Event()

    def confirm(self, keys: tuple[str, ...], place: Place) -> None:
        """Take down where a post stands: its call said so, or it was looked up."""
        self._standing.set(place, value=True)
        for key in keys:
            self._confirmed.set(key, place)

    def hear(self, echo: Echo) -> None:
        """Take an echo."""
        self._places.set(echo.place, value=True)
        for key in echo.keys:
            self._heard.add(key, echo)
        if not self._standing.get(echo.place):
            now = self._clock.now()
            self._wait(echo, now, now + GRACE_SECONDS)

    def was_heard(self, place: Place) -> bool:
        """Whether a post's echo has come."""
        return self._places.get(place) is not None

    def find(self, room: str, root: Place | None, key: str, oldest: float) -> Place | None:
        """Return where a post with this key was heard of, in a thread or as a root of a room."""
        echo = self._heard.get(key)
        if echo is None or echo.place.channel != room or ts_order(echo.place.ts)[0] < oldest:
            return None
        return echo.place if echo.is_root is (root is None) and root in {None, echo.root} else None

    def _wait(self, echo: Echo, heard_at: float, due_at: float) -> None:
        if len(self._waiting) >= MOST_WAITING:
            log.warning("slack.echo_not_compared", extra={"action": "echo"})
            return
        is_next = not self._waiting or due_at < self._waiting[0].due_at
        heappush(self._waiting, _Waiting(due_at, next(self._number), heard_at, echo))
        if is_next:
            self._wake.set()

    async def run(self, receipts: Receipts, posts: Posts, *, alone: bool) -> None:
        """Take second copies away, until cancelled.

        `alone`: every post of ours that is not known here deserves a look, because no other
        instance can have made it.
        """
        while True:
            self._wake.clear()
            if not self._waiting:
                await self._wake.wait()
            elif (left := self._waiting[0].due_at - self._clock.now()) > 0:
                await self._clock.wait(self._wake, left)
            else:
                await self._compare(heappop(self._waiting), receipts, posts, alone=alone)

    async def _compare(
        self, waiting: _Waiting, receipts: Receipts, posts: Posts, *, alone: bool
    ) -> None:
        echo, is_second = waiting.echo, None
        if self._standing.get(echo.place):
            return
        try:
            if alone and not echo.keys:
                echo = replace(echo, keys=await posts.keys_at(echo.place, echo.root))
            is_second = await self._is_second(echo, receipts)
            if is_second:
                await posts.remove(echo.place)
        except (DeliveryError, StoreUnavailable):
            is_second = None
        except Exception:
            log.exception("slack.echo_failed", extra={"action": "echo"})
            return
        if is_second:
            self._forget(echo)
            log.warning("slack.second_copy_removed", extra={"action": "echo", "key": echo.keys[0]})
        elif is_second is None:
            self._ask_again(waiting)

    async def _is_second(self, echo: Echo, receipts: Receipts) -> bool | None:
        """Return whether a post is another's second copy; None when that cannot be said yet."""
        if not echo.keys:
            return False
        # What is remembered may be another instance's past: it keeps a post, and removes none.
        if echo.place in [self._confirmed.get(key) for key in echo.keys]:
            return False
        place = echo.place.thread if echo.is_root else echo.place.post
        made_at = float(ts_order(echo.place.ts)[0])
        return await receipts.stands_elsewhere(echo.keys, place, made_at)

    def _ask_again(self, waiting: _Waiting) -> None:
        now = self._clock.now()
        age = now - waiting.heard_at
        if age < PATIENCE_SECONDS:
            self._wait(waiting.echo, waiting.heard_at, now + max(age, GRACE_SECONDS))
        else:
            log.info("slack.echo_unexplained", extra={"action": "echo"})

    def _forget(self, echo: Echo) -> None:
        for key in echo.keys:
            if self._heard.get(key) == echo:
                self._heard.drop(key)
