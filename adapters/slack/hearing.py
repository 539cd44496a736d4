"""Whether Slack still tells us what happens in our rooms.

Slack stops delivering events when there are more than 30,000 an hour, when too many deliveries
failed, or when somebody switches them off. It says so only in the first case; otherwise silence
looks like a quiet room. But every post of ours comes back as an event: while none does, and nothing
else is heard, the open threads are read instead. https://docs.slack.dev/apis/events-api
"""

import logging
from collections.abc import Awaitable, Callable

from bridge.ports.core import Clock

log = logging.getLogger(__name__)

ROUND_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
"""Slack is rarely late by more than seconds; an alarm has to come within five minutes."""

READ_AGAIN_SECONDS = 300.0
"""While nothing is heard; reading a thread costs one of some 50 calls a minute."""

ENOUGH_POSTS = 8
"""With several instances an event may go to any of them: so many in a row do not miss us."""


class Hearing:
    """Notices silence. `run` alarms, and has the threads read during it and after it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._silent_since: float | None = None
        self._posts = 0
        self._limited_at: float | None = None
        self._is_deaf = False
        self._read_at = 0.0

    def spoke(self) -> None:
        """A post of ours stands; its echo is to come."""
        self._posts += 1
        if self._silent_since is None:
            self._silent_since = self._clock.now()

    def heard(self) -> None:
        """An event came."""
        self._silent_since = None
        self._posts = 0

    def limited(self) -> None:
        """Slack says that it holds events back in this minute."""
        self._limited_at = self._clock.now()

    async def run(self, catch_up: Callable[[], Awaitable[object]], *, alone: bool) -> None:
        """Look again and again, until cancelled. `alone`: every event would come to us."""
        while True:
            await self._clock.sleep(ROUND_SECONDS)
            try:
                await self._look(catch_up, 1 if alone else ENOUGH_POSTS)
            except Exception:
                log.exception("slack.catch_up_failed", extra={"action": "hearing"})

    async def _look(self, catch_up: Callable[[], Awaitable[object]], enough: int) -> None:
        now = self._clock.now()
        if self._hears_nothing(now, enough):
            if not self._is_deaf:
                self._is_deaf = True
                mend = "check Event Subscriptions on the app's page, and that Slack reaches us"
                log.error("slack.nothing_heard", extra={"action": "hearing", "mend": mend})
            if now - self._read_at >= READ_AGAIN_SECONDS:
                self._read_at = now
                await catch_up()
        elif self._is_deaf:
            await catch_up()
            self._is_deaf = False
            log.warning("slack.heard_again", extra={"action": "hearing"})

    def _hears_nothing(self, now: float, enough: int) -> bool:
        limited, silent = self._limited_at, self._silent_since
        if limited is not None and now - limited < PATIENCE_SECONDS:
            return True
        return silent is not None and self._posts >= enough and now - silent >= PATIENCE_SECONDS
