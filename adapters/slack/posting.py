"""Posts and changes of posts, each tried once; what Slack says about waiting stops the room.

Blocks that Slack dislikes are left out, since it surely showed nothing: all their words go as text.
"""

from typing import Any, cast

from adapters.pacing import RoomPacer
from adapters.slack import bare
from adapters.slack.errors import SlackRefused
from adapters.slack.render import Body
from adapters.slack.web import Answer, SlackWeb
from bridge.domain.errors import TryAgain

BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})

LONGEST_POST = 39_000
"""Slack cuts a text at 40,000 characters; a page of the history has half of that at most."""

LONGEST_UPDATE = 3900
"""Slack refuses a new text of more than 4,000."""


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
        kept = {name: value for name, value in body.items() if name != "blocks"}
        return await self._once(room, kept | {"text": _words_of(body)[:LONGEST_POST]})

    async def update(self, body: Body) -> None:
        """Change a post. Raises a `DeliveryError`."""
        try:
            await self._web.call("chat.update", body)
        except SlackRefused as error:
            if error.code not in BAD_BLOCKS or not body.get("blocks"):
                raise
            bare_body = body | {"text": _words_of(body)[:LONGEST_UPDATE], "blocks": []}
            await self._web.call("chat.update", bare_body)

    async def _once(self, room: str, body: Body) -> Answer:
        try:
            return await self._web.post_message(body)
        except TryAgain as error:
            if error.after is not None:
                self._pacer.pause(room, error.after)
            raise


def _words_of(body: Body) -> str:
    return bare.text_of(cast("list[dict[str, Any]]", body["blocks"]))
