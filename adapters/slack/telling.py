"""Where a teammate's message stands, and what its author alone is told about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.slack.errands import NotYet
from adapters.slack.kept import Kept
from adapters.slack.office import Core, Office
from adapters.slack.refs import Place, is_id, is_ts, ts_order
from bridge.domain.facts import Declined, Fact, Verdict

Json = Mapping[str, Any]

YOUNG_SECONDS = 600.0
"""For so long after its root was posted, a thread under us that nobody knows may become known."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a person's message stands: the message, its thread's root, and who wrote it.

    `under_us`: Slack says that the root is a message of ours.
    """

    place: Place
    root: Place
    user: str
    under_us: bool = False

    @property
    def in_thread(self) -> bool:
        """Whether it is a reply."""
        return self.place != self.root

    def key(self, kind: str) -> str:
        """Return the key of a fact about the message."""
        return f"{self.place}:{kind}"


def spot_of(channel: object, message: Json, team: str, bot_user: str = "") -> Spot | None:
    """Return where a message stands, or None when it does not say so."""
    ts, user = message.get("ts"), message.get("user")
    root = message.get("thread_ts") or ts
    if not (is_id(channel) and is_id(user) and is_ts(ts) and is_ts(root)):
        return None
    room = str(channel)
    under_us = bool(bot_user) and message.get("parent_user_id") == bot_user
    return Spot(Place(team, room, str(ts)), Place(team, room, str(root)), str(user), under_us)


class Teller:
    """Reports facts, and tells people privately what they must know, once each."""

    def __init__(self, office: Office, core: Core) -> None:
        self._inbox = core.inbox
        self._board = core.board
        self._private = office.private
        self._clock = office.clock
        self._answered: Kept[tuple[Place, str], bool] = Kept()

    async def report(self, fact: Fact, spot: Spot) -> Verdict:
        """Report a fact; why it was declined is told to its author alone."""
        verdict = await self._inbox.report(fact)
        if isinstance(verdict, Declined):
            await self._declined(verdict, spot)
        return verdict

    async def _declined(self, verdict: Declined, spot: Spot) -> None:
        if verdict.code != "unknown":
            await self.say_once(spot, verdict.why)
        elif spot.under_us and self._is_young(spot):
            raise NotYet

    def _is_young(self, spot: Spot) -> bool:
        """Whether the thread may be ours and just not be known yet: its root's end is uncertain."""
        return self._clock.wall() - ts_order(spot.root.ts)[0] < YOUNG_SECONDS

    async def say_if_ours(self, spot: Spot, text: str) -> None:
        """Answer a message privately if it stands in a thread of ours."""
        if await self._board.conversation_in(spot.root.thread) is not None:
            await self.say_once(spot, text)

    async def say_once(self, spot: Spot, text: str) -> None:
        """Answer a message once in the same words, however often Slack delivers it."""
        if self._answered.add((spot.place, text), value=True):
            root = spot.root.ts if spot.in_thread else None
            await self._private.say(spot.place.channel, spot.user, text, root)
