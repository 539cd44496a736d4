"""Marks on relayed replies: one reaction of ours on a post, each replacing the earlier one.

Marks are a courtesy, words are not: only one call for them is open at a time, and only so many are
made in a second, so that however many replies want theirs, they take nothing from what people said.
"""

import asyncio

from adapters.pacing import Lanes
from adapters.slack.errors import SlackRefused
from adapters.slack.kept import Kept
from adapters.slack.limits import MARKS
from adapters.slack.refs import Place, ts_order
from adapters.slack.web import SlackWeb
from bridge.domain.posts import Mark
from bridge.ports.core import Clock

NAMES = {
    Mark.SHOWN: "white_check_mark",
    Mark.READ: "eyes",
    Mark.MAILED: "e-mail",
    Mark.FAILED: "warning",
}

EARLIER: dict[Mark, tuple[Mark, ...]] = {
    Mark.SHOWN: (Mark.FAILED,),
    Mark.READ: (Mark.SHOWN, Mark.MAILED),
    Mark.MAILED: (Mark.FAILED,),
    Mark.FAILED: (Mark.SHOWN, Mark.READ),
}
"""What may stand there already when we do not remember, after a restart."""

SKEW_SECONDS = 60.0

DONE_ADDING = frozenset({"already_reacted", "message_not_found"})
DONE_REMOVING = frozenset({"no_reaction", "message_not_found"})


class Marks:
    """Puts marks on posts; repeating it is harmless."""

    def __init__(self, web: SlackWeb, clock: Clock) -> None:
        self._web = web
        self._began = clock.wall()
        self._shown: Kept[Place, Mark] = Kept()
        self._turn = asyncio.Lock()
        self._pace = Lanes(clock, MARKS)

    async def show(self, place: Place, mark: Mark) -> None:
        """Show `mark` on a post, and take an earlier one away. Raises a `DeliveryError`."""
        async with self._turn:
            await self._show(place, mark)

    async def _show(self, place: Place, mark: Mark) -> None:
        shown = self._shown.get(place)
        if shown is mark:
            return
        await self._react("reactions.add", place, mark, DONE_ADDING)
        for earlier in (shown,) if shown else self._perhaps_there(place, mark):
            await self._react("reactions.remove", place, earlier, DONE_REMOVING)
        self._shown.set(place, mark)

    def _perhaps_there(self, place: Place, mark: Mark) -> tuple[Mark, ...]:
        """Return what may stand on a post we remember nothing of: on one made since, nothing."""
        is_new = ts_order(place.ts)[0] > self._began + SKEW_SECONDS
        return () if is_new else EARLIER[mark]

    async def _react(self, method: str, place: Place, mark: Mark, harmless: frozenset[str]) -> None:
        body = {"channel": place.channel, "timestamp": place.ts, "name": NAMES[mark]}
        await self._pace.admit("marks")
        try:
            await self._web.call(method, body)
        except SlackRefused as error:
            if error.code not in harmless:
                raise
