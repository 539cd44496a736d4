"""The pin on a case card: there while the handoff is open. A courtesy, never a reason to fail."""

import logging

from adapters.slack.errors import SlackRefused
from adapters.slack.kept import Kept
from adapters.slack.refs import Place
from adapters.slack.web import SlackWeb
from bridge.domain.errors import Refused

log = logging.getLogger(__name__)

AS_WANTED = frozenset({"already_pinned", "no_pin", "message_not_found"})


class Pins:
    """Pins and unpins; Slack is not asked again for what is so already, or was refused."""

    def __init__(self, web: SlackWeb) -> None:
        self._web = web
        self._asked: Kept[Place, bool] = Kept()

    async def keep(self, place: Place, *, wanted: bool) -> None:
        """Pin or unpin a post. Raises `TryAgain` or `Uncertain`; whatever Slack refuses is noted
        in the log, and the post stays as it is.
        """
        if self._asked.get(place) is wanted:
            return
        method = "pins.add" if wanted else "pins.remove"
        try:
            await self._web.call(method, {"channel": place.channel, "timestamp": place.ts})
        except Refused as error:
            if not isinstance(error, SlackRefused) or error.code not in AS_WANTED:
                log.warning("slack.not_pinned", extra={"action": method, "why": error.why})
        self._asked.set(place, wanted)
