"""Who wrote: name and picture as customers see them, and whether their words may be relayed.

Guests and members of other workspaces see the thread but do not speak for the team, unless their
id is on the list. https://docs.slack.dev/reference/objects/user-object
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from adapters.slack.errors import SlackRefused
from adapters.slack.haste import left
from adapters.slack.kept import Kept
from adapters.slack.markup import name_of
from adapters.slack.refs import person_ref
from adapters.slack.web import Answer, SlackWeb
from adapters.slack.workspace import Identity, Workspace
from bridge.domain.errors import DeliveryError
from bridge.domain.messages import Author
from bridge.ports.core import Clock

FRESH_SECONDS = 24 * 3600.0
LOOK_SECONDS = 2.0
IDENTITY_SECONDS = 10.0
"""How long is waited at most; less when Slack wants an answer before."""

MOST_AT_ONCE = 50
"""A message that names more people than this is not meant for a customer."""


class Standing(Enum):
    """What somebody is in the workspace."""

    MEMBER = "member"
    GUEST = "guest"
    OUTSIDE = "outside"
    BOT = "bot"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Slack."""

    user: str
    author: Author
    standing: Standing
    may_speak: bool


class Unknown(Exception):
    """Slack could not be asked who somebody is; the event must come again."""


class People:
    """Looks people up and remembers them; a known answer is used while Slack cannot be asked."""

    def __init__(
        self, web: SlackWeb, workspace: Workspace, clock: Clock, allowed: frozenset[str]
    ) -> None:
        self._web = web
        self._workspace = workspace
        self._clock = clock
        self._allowed = allowed
        self._known: Kept[str, tuple[float, Person]] = Kept(10_000)
        self._asking: dict[str, asyncio.Lock] = {}

    def known(self, user: str) -> Person | None:
        """Return somebody looked up not long ago, without asking."""
        found = self._known.get(user)
        if found is None or self._clock.monotonic() - found[0] > FRESH_SECONDS:
            return None
        return found[1]

    def name(self, user: str) -> str:
        """Return the name of somebody who may be named to customers, else nothing."""
        found = self._known.get(user)
        return found[1].author.name if found and found[1].may_speak else ""

    async def identity(self) -> Identity:
        """Return who we are; raises `Unknown` when that cannot be told now."""
        if self._workspace.known is not None:
            return self._workspace.known
        try:
            async with asyncio.timeout(left(IDENTITY_SECONDS)):
                return await self._workspace.identity()
        except (DeliveryError, TimeoutError) as error:
            raise Unknown("ourselves") from error

    async def meet(self, users: Iterable[str]) -> None:
        """Look people up, all at the same time, so that they have names; some may stay unknown."""
        strangers = [user for user in users if self.known(user) is None]
        if strangers:
            await asyncio.gather(*map(self._try, strangers[:MOST_AT_ONCE]))

    async def _try(self, user: str) -> None:
        with contextlib.suppress(Unknown):
            await self.person(user)

    async def person(self, user: str) -> Person:
        """Return who somebody is; raises `Unknown` when that cannot be told now."""
        found = self.known(user)
        if found is not None:
            return found
        asking = self._asking.setdefault(user, asyncio.Lock())
        try:
            async with asyncio.timeout(left(LOOK_SECONDS)), asking:
                return self.known(user) or await self._ask(user)
        except TimeoutError as error:
            return self._stale(user, error)
        finally:
            if not asking.locked():
                self._asking.pop(user, None)

    async def _ask(self, user: str) -> Person:
        try:
            identity = await self._workspace.identity()
            answer = await self._look_up(user)
        except DeliveryError as error:
            return self._stale(user, error)
        found = self._read(user, answer, identity.team)
        self._known.set(user, (self._clock.monotonic(), found))
        return found

    async def _look_up(self, user: str) -> Answer:
        try:
            return await self._web.ask("users.info", user=user)
        except SlackRefused as error:
            if error.code in {"user_not_found", "user_not_visible"}:
                return {"user": {"is_stranger": True}}
            raise

    def _stale(self, user: str, error: Exception) -> Person:
        found = self._known.get(user)
        if found is None:
            raise Unknown(user) from error
        return found[1]

    def _read(self, user: str, answer: Answer, team: str) -> Person:
        found = answer.get("user") or {}
        profile = found.get("profile") or {}
        shown = profile.get("display_name") or profile.get("real_name") or found.get("real_name")
        name = name_of(str(shown or found.get("name") or ""), "Team")
        author = Author(name, profile.get("image_72") or None, person_ref(team, user))
        standing = standing_of(found, team)
        may_speak = standing is Standing.MEMBER or (
            user in self._allowed and standing in {Standing.GUEST, Standing.OUTSIDE}
        )
        return Person(user, author, standing, may_speak)


def standing_of(user: Answer, team: str) -> Standing:
    """Return what a user object says somebody is, seen from our own team."""
    home = user.get("team_id") or team
    if user.get("is_bot") or user.get("id") == "USLACKBOT":
        return Standing.BOT
    if user.get("deleted"):
        return Standing.GONE
    if user.get("is_stranger") or (home != team and not user.get("enterprise_user")):
        return Standing.OUTSIDE
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return Standing.GUEST
    return Standing.MEMBER
