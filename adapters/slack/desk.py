"""The Slack desk: threads, posts, cards and marks in the rooms of a workspace.

Each call is tried once. Posts carry the ids of their deliveries in their metadata, which is how
`find` recognises them; Slack itself knows no idempotency key. Changing what stands there may be
repeated, so an uncertain end of that is told as `TryAgain`.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self

from adapters.pacing import NO_LIMIT, Limit, RoomPacer
from adapters.slack import render
from adapters.slack.check import check
from adapters.slack.echoes import Echo
from adapters.slack.errors import TOKEN, SlackRefused
from adapters.slack.marks import Marks
from adapters.slack.office import Given, Office
from adapters.slack.pins import Pins
from adapters.slack.posting import Posting
from adapters.slack.refs import DESK, Place, place_of, ts_order
from adapters.slack.uploads import Uploads
from adapters.slack.web import Answer, repeatable
from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.errors import ConfigurationError, DeliveryError, Refused, TryAgain
from bridge.domain.ids import PostRef, ThreadRef
from bridge.domain.posts import Amendment, Card, Post
from bridge.ports.core import Board
from bridge.ports.desk import Pacer

log = logging.getLogger(__name__)

SKEW_SECONDS = 60.0
"""How far our clock and Slack's are apart at most, usually, when looking for a post."""

WIDE_SKEW_SECONDS = 2 * 3600.0
"""How far they are apart at most: looked through before a post is taken for not there."""

PAGE = "200"
PUT_OFF = 4
"""How often the same page of a thread may be put off before the look-up has failed."""
GONE = frozenset({"thread_not_found", "message_not_found"})
CANNOT_DELETE = frozenset({"cant_delete_message", "compliance_exports_prevent_deletion"})
REMOVED = "This message was removed."


class SlackDesk:
    """One workspace's desk. Enter it to learn who we are."""

    name = DESK

    def __init__(self, given: Given) -> None:
        problems = given.settings.problems()
        if problems:
            raise ConfigurationError(problems)
        rate = given.settings.posts_per_second or None
        self.office = Office.furnish(given)
        self._web = self.office.web
        self._workspace = self.office.workspace
        self._marks = Marks(self._web, given.clock)
        self._pins = Pins(self._web)
        pacer = RoomPacer(given.clock, Limit(rate) if rate else NO_LIMIT)
        self.pacer: Pacer = pacer
        self._posting = Posting(self._web, pacer)
        self._uploads = Uploads(self._web, given.session, given.files, given.clock, self._posting)
        self.capabilities = DeskCapabilities(
            max_text=render.LONGEST_TEXT, posts_per_second=rate, can_pin=True, can_mark=True
        )

    async def __aenter__(self) -> Self:
        """Learn who we are. A token Slack refuses is a `ConfigurationError`; Slack being away is
        not: it is asked again when that is needed.
        """
        try:
            await self._workspace.identity()
        except DeliveryError as error:
            if isinstance(error, SlackRefused) and error.code in TOKEN:
                raise ConfigurationError([f"SLACK_BOT_TOKEN: {error.why}"]) from error
            log.warning("slack.not_known_yet", extra={"action": "start", "why": str(error)})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close our connections to the Web API; the session is the giver's."""
        await self._web.wire.close()

    def meet(self, board: Board) -> None:
        """Be given the board, by which the files of a thread's conversation are found."""
        self._uploads.board = board

    async def check(self) -> list[str]:
        """Return what is wrong with token, scopes and rooms, one sentence each with its mend."""
        return await check(self.office)

    async def open_thread(self, room: str, card: Card, key: str) -> ThreadRef:
        """Post the case card as the root of a new thread."""
        identity = self._workspace.known
        if identity is None:
            # Asking takes as long as a post may: whether that may still leave is decided anew.
            try:
                await self._workspace.identity()
            except DeliveryError as error:
                raise repeatable(error) from error
            raise TryAgain("Slack has told only now who we are", 0.0)
        answer = await self._posting.post(room, render.root(room, card, key))
        return self._made((key,), Place(identity.team, room, answer["ts"])).thread

    async def post(self, thread: ThreadRef, post: Post, keys: tuple[str, ...]) -> PostRef:
        """Post in a thread, with its file if it has one."""
        place = _place(thread)
        if post.file is not None:
            ts = await self._uploads.share(thread, place, post, keys)
        else:
            body = render.reply(place.channel, place.ts, post, keys)
            ts = (await self._posting.post(place.channel, body))["ts"]
        return self._made(keys, Place(place.team, place.channel, ts)).post

    def _made(self, keys: tuple[str, ...], place: Place) -> Place:
        # The echo of a post often comes before the answer to its call.
        if not self.office.echoes.was_heard(place):
            self.office.hearing.spoke()
        return self._stands(keys, place)

    def _stands(self, keys: tuple[str, ...], place: Place) -> Place:
        self.office.echoes.confirm(keys, place)
        return place

    async def amend(self, post: PostRef, amendment: Amendment) -> None:
        """Change, delete or mark a post."""
        place = _place(post)
        try:
            if amendment.mark is not None:
                await self._marks.show(place, amendment.mark)
            if amendment.text is not None:
                await self._rewrite(place, amendment.text)
            elif amendment.mark is None:
                await self.remove(place)
        except DeliveryError as error:
            raise repeatable(error) from error

    async def refresh(self, thread: ThreadRef, card: Card) -> None:
        """Bring the root up to date; pin it while the handoff is open, if Slack lets us."""
        place = _place(thread)
        body = {"channel": place.channel, "ts": place.ts, **render.card_body(card)}
        try:
            await self._posting.update(body)
            await self._pins.keep(place, wanted=card.is_open)
        except DeliveryError as error:
            raise repeatable(error) from error

    async def find(
        self, room: str, thread: ThreadRef | None, key: str, since: float
    ) -> PostRef | ThreadRef | None:
        """Look for a post that carries `key`; the newest roots or a thread's replies are read."""
        place = _place(thread) if thread is not None else None
        heard = self.office.echoes.find(room, place, key, since - WIDE_SKEW_SECONDS)
        if heard is not None:
            return _ref(self._stands((key,), heard), place)
        try:
            for skew in (SKEW_SECONDS, WIDE_SKEW_SECONDS):
                oldest = f"{max(since - skew, 0.0):.6f}"
                found = await self._made_since(oldest, room, place, key)
                if found is not None:
                    return _ref(self._stands((key,), found), place)
        except SlackRefused as error:
            if error.code in GONE:
                return None
            raise TryAgain(error.why) from error
        except DeliveryError as error:
            raise TryAgain(str(error), getattr(error, "after", None)) from error
        return None

    async def keys_at(self, place: Place, root: Place) -> tuple[str, ...]:
        """Read the keys a post carries; none when there are none, or the post is gone."""
        thread = root if root != place else None
        oldest = f"{ts_order(place.ts)[0] - 1}.999999"
        async for message in self.messages(place.channel, thread, oldest):
            if message["ts"] == place.ts:
                return render.keys_in(message)
        return ()

    async def _made_since(
        self, oldest: str, room: str, place: Place | None, key: str
    ) -> Place | None:
        identity = await self._workspace.identity()
        async for message in self.messages(room, place, oldest):
            ours = message.get("bot_id") in {None, identity.bot_id}
            keys = render.keys_in(message)
            if ours and (key in keys or self._uploads.made(key, message)):
                found = Place(identity.team, place.channel if place else room, message["ts"])
                # The others in the same post are asked for next: hundreds, when lines had to wait.
                self._stands(keys, found)
                self.office.echoes.hear(Echo(found, place or found, keys))
                return found
        return None

    async def messages(self, room: str, place: Place | None, oldest: str) -> AsyncIterator[Answer]:
        """Yield the replies in a thread, or the roots of a room, after a timestamp."""
        fields = {"oldest": oldest, "include_all_metadata": "true", "limit": PAGE}
        method = "conversations.replies" if place else "conversations.history"
        fields |= {"channel": place.channel, "ts": place.ts} if place else {"channel": room}
        async for message in self._pages(method, fields):
            is_root = message.get("thread_ts", message.get("ts")) == message.get("ts")
            if is_root is (place is None) and isinstance(message.get("ts"), str):
                yield message

    async def _pages(self, method: str, fields: Mapping[str, str]) -> AsyncIterator[Answer]:
        """Read page after page, however short Slack makes them."""
        cursor = ""
        while True:
            answer = await self._page(method, fields, cursor)
            for message in answer.get("messages", ()):
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return

    async def _page(self, method: str, fields: Mapping[str, str], cursor: str) -> Answer:
        """Read one page. A later one that Slack puts off is waited for: to begin anew would never
        come to an end where a single page a minute is allowed.
        """
        if not cursor:
            return await self._web.ask(method, **fields)
        for _ in range(PUT_OFF):
            try:
                return await self._web.ask(method, **fields, cursor=cursor)
            except TryAgain as error:
                if error.after is None:
                    raise
                await self.office.clock.sleep(error.after)
        return await self._web.ask(method, **fields, cursor=cursor)

    async def _rewrite(self, place: Place, text: str) -> None:
        body = {"channel": place.channel, "ts": place.ts, **render.rewritten(text)}
        await self._posting.update(body)

    async def remove(self, place: Place) -> None:
        """Delete a post, or empty it: Slack keeps what was posted under another name."""
        try:
            await self._web.call("chat.delete", {"channel": place.channel, "ts": place.ts})
        except SlackRefused as error:
            if error.code in CANNOT_DELETE:
                await self._rewrite(place, REMOVED)
            elif error.code not in GONE:
                raise


def _ref(found: Place, thread: Place | None) -> PostRef | ThreadRef:
    return found.post if thread else found.thread


def _place(ref: ThreadRef | PostRef) -> Place:
    try:
        return place_of(ref)
    except ValueError as error:
        raise Refused(f"{DESK}: {error}", lost_thread=True) from error
