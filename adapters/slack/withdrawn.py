"""Replies deleted at the desk: what was relayed is taken back, also when the deletion overtakes it.

Slack says which message is gone (`deleted_ts`), but not always what it was and in which thread it
stood. What is stored tells then. https://docs.slack.dev/reference/events/message/message_deleted
"""

from collections.abc import Mapping
from typing import Any

from adapters.slack.kept import Kept
from adapters.slack.office import Core, Office
from adapters.slack.refs import Place, is_id, is_ts
from adapters.slack.telling import Spot
from bridge.domain.facts import TeammateAmended
from bridge.domain.ids import ThreadRef

Json = Mapping[str, Any]


class Withdrawals:
    """Reports deletions. Those that nothing is known of yet are remembered for their message."""

    def __init__(self, office: Office, core: Core) -> None:
        self._inbox = core.inbox
        self._board = core.board
        self._clock = office.clock
        self._unknown: Kept[Place, bool] = Kept()

    async def gone(self, spot: Spot) -> None:
        """Take a deleted reply whose thread is known; raises `StoreUnavailable`."""
        await self._report(spot.place, spot.root.thread)

    async def gone_from(self, team: str, event: Json) -> None:
        """Take a deletion that names the message only; raises `StoreUnavailable`."""
        channel, ts = event.get("channel"), event.get("deleted_ts")
        if not (is_id(channel) and is_ts(ts)):
            return
        place = Place(team, str(channel), str(ts))
        # Before it is looked for: a message being stored meanwhile is found here or there.
        self._unknown.set(place, value=True)
        conversation = await self._board.conversation_with(place.post)
        if conversation is not None and conversation.thread is not None:
            await self._report(place, conversation.thread)
            self._unknown.drop(place)

    async def settle(self, spot: Spot) -> None:
        """Report the deletion of a message that was deleted before it was known, if it was."""
        if self._unknown.get(spot.place):
            await self.gone(spot)

    async def _report(self, place: Place, thread: ThreadRef) -> None:
        fact = TeammateAmended(
            key=f"{place}:gone",
            at=self._clock.now(),
            thread=thread,
            post=place.post,
            text=None,
        )
        await self._inbox.report(fact)
