"""One post in a room, tried once: what Slack says about waiting stops the room's turns.

Blocks that Slack dislikes are left out, since it surely showed nothing.
"""

from adapters.pacing import RoomPacer
from adapters.slack.errors import SlackRefused
from adapters.slack.render import Body
from adapters.slack.web import Answer, SlackWeb
from bridge.domain.errors import TryAgain

BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


class Posting:
    """Posts in rooms."""

    def __init__(self, web: SlackWeb, pacer: RoomPacer) -> None:
        self._web = web
        self._pacer = pacer

    async def post(self, room: str, body: Body) -> Answer:
        """Post and return an answer that has a `ts`. Raises a `DeliveryError`."""
        try:
            return await self._once(room, body)
        except SlackRefused as error:
            if error.code not in BAD_BLOCKS or "blocks" not in body:
                raise
        # Slack surely showed nothing: the same words without blocks are better than none.
        bare = {name: value for name, value in body.items() if name != "blocks"}
        return await self._once(room, bare)

    async def _once(self, room: str, body: Body) -> Answer:
        try:
            return await self._web.post_message(body)
        except TryAgain as error:
            if error.after is not None:
                self._pacer.pause(room, error.after)
            raise
