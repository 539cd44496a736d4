"""How much of the time that Slack waits for an answer may go into asking Slack back.

Slack gives up after three seconds, also while its own Web API hangs. All that is asked before one
answer shares one allowance, however many questions they are.
https://docs.slack.dev/apis/events-api#responding
"""

import asyncio
from contextvars import ContextVar, Token

ASKING_SECONDS = 2.0
"""The rest of the three seconds is for storing, and for the way."""

_until: ContextVar[float | None] = ContextVar("until", default=None)


class answering:  # noqa: N801 -- used like a function; a generator costs every event twice as much
    """Let the allowance begin: Slack waits for what is done inside."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token: Token[float | None] = _until.set(
            asyncio.get_running_loop().time() + ASKING_SECONDS
        )

    def __exit__(self, *error: object) -> None:
        _until.reset(self._token)


def left(most: float) -> float:
    """Return for how many seconds something may be waited for: `most`, or what is left if less."""
    until = _until.get()
    if until is None:
        return most
    return max(min(most, until - asyncio.get_running_loop().time()), 0.0)
