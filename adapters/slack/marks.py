"""Marks on relayed replies: one reaction of ours at a time, each replacing the earlier one."""

from adapters.slack.errors import SlackRefused
from adapters.slack.kept import Kept
from adapters.slack.refs import Place
from adapters.slack.web import SlackWeb
from bridge.domain.posts import Mark

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
    Mark.FAILED: (Mark.SHOWN,),
}
"""What may stand there already when we do not remember, after a restart."""

DONE_ADDING = frozenset({"already_reacted"})
DONE_REMOVING = frozenset({"no_reaction", "message_not_found"})


class Marks:
    """Puts marks on posts; repeating it is harmless."""

    def __init__(self, web: SlackWeb) -> None:
        self._web = web
        self._shown: Kept[Place, Mark] = Kept()

    async def show(self, place: Place, mark: Mark) -> None:
        """Show `mark` on a post, and take an earlier one away. Raises a `DeliveryError`."""
        shown = self._shown.get(place)
        if shown is mark:
            return
        await self._react("reactions.add", place, mark, DONE_ADDING)
        for earlier in (shown,) if shown else EARLIER[mark]:
            await self._react("reactions.remove", place, earlier, DONE_REMOVING)
        self._shown.set(place, mark)

    async def _react(self, method: str, place: Place, mark: Mark, harmless: frozenset[str]) -> None:
        body = {"channel": place.channel, "timestamp": place.ts, "name": NAMES[mark]}
        try:
            await self._web.call(method, body)
        except SlackRefused as error:
            if error.code not in harmless:
                raise
