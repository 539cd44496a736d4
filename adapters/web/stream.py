"""Streams: server-sent events to the customers whose page is open.

Theory of operation. A stream first begins to listen, then reads the log from its cursor on, and
only then writes what it heard meanwhile; each message passes if it follows on the last one. So
there is neither gap nor double between what was stored and what is live. A stream is one handler
waiting on one future: heartbeats and sightings for all of them come from the one `run` here. A
reader who takes nothing is cut by the server's watch and resumes by Last-Event-ID.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable

from aiohttp import web

from adapters.problems import Problem, try_again_in
from adapters.web.customer_calls import LAST_EVENT
from adapters.web.feed import HEARTBEAT, Feed, frame
from adapters.web.gate import Asked, Handler
from adapters.web.given import Core
from adapters.web.shapes import state_json
from adapters.web.sightings import Sightings
from adapters.web.verdicts import place_of
from adapters.web.visitors import refused
from bridge.domain.conversation import Conversation
from bridge.domain.errors import StoreUnavailable
from bridge.domain.ids import ConversationId

log = logging.getLogger(__name__)

PAGE = 200
BEAT_EVERY = 15
"""Seconds between two signs of life; proxies commonly cut what is silent for 30 or 60."""
PLACE_EVERY = 2
"""Beats between two looks at the place in the queue."""
COME_BACK = (2000, 4000)
"""Milliseconds after which a cut page comes back: the least, and how much chance adds."""

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class LiveFeed(Feed):
    """A feed with the one handler that waits for its news, and its turn for heartbeats."""

    __slots__ = ("_waiter", "turn")

    def __init__(self, cursor: int, turn: int) -> None:
        super().__init__(cursor)
        self.turn = turn
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Wake the handler if it waits; else it will look before it does."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Wait for news."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class Streams:
    """All open streams of this instance."""

    def __init__(self, core: Core, sightings: Sightings, most_each: int) -> None:
        self._core = core
        self._sightings = sightings
        self._most_each = most_each
        self._open: dict[ConversationId, int] = {}
        self._turns: list[set[LiveFeed]] = [set() for _ in range(BEAT_EVERY)]
        self._next = 0
        self._second = 0
        self._closing = False

    def __len__(self) -> int:
        return sum(self._open.values())

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the names of their calls."""
        return {"openStream": self.follow}

    async def follow(self, asked: Asked) -> web.StreamResponse:
        """Open a stream and serve it until it ends."""
        conversation_id, request = asked.conversation_id, asked.request
        self._check_room(conversation_id)
        self._next = (self._next + 1) % BEAT_EVERY
        feed = LiveFeed(_asked_after(asked), self._next)
        response = web.StreamResponse(headers={**HEADERS, **asked.headers})
        # What is not needed any more is let go of: there are thousands of these, mostly idle.
        del asked
        unwatch = self._enter(conversation_id, feed)
        try:
            conversation = await self._core.board.conversation(conversation_id)
            if conversation is None:
                raise refused()
            _begin(feed, conversation)
            del conversation
            await response.prepare(request)
            response.headers.clear()
            await response.write(_retry())
            await self._serve(conversation_id, feed, response)
        except StoreUnavailable:
            if not response.prepared:
                raise
            log.warning("stream_ended", extra={"conversation": conversation_id})
        finally:
            unwatch()
            self._leave(conversation_id, feed)
        return response

    def _check_room(self, conversation_id: ConversationId) -> None:
        if self._closing:
            raise Problem(503, "The server is stopping; come again.").with_headers(try_again_in(3))
        if self._open.get(conversation_id, 0) >= self._most_each:
            detail = f"This conversation has {self._most_each} open streams already."
            raise Problem(429, detail).with_headers(try_again_in(BEAT_EVERY))

    def _enter(self, conversation_id: ConversationId, feed: LiveFeed) -> Callable[[], None]:
        """Count a stream in and let it listen; returns what ends the listening."""
        self._turns[feed.turn].add(feed)
        self._open[conversation_id] = self._open.get(conversation_id, 0) + 1
        return self._core.presence.watch(conversation_id, feed.hear)

    def _leave(self, conversation_id: ConversationId, feed: LiveFeed) -> None:
        """Count a stream out."""
        self._turns[feed.turn].discard(feed)
        self._open[conversation_id] -= 1
        if not self._open[conversation_id]:
            del self._open[conversation_id]

    async def _serve(
        self, conversation_id: ConversationId, feed: LiveFeed, response: web.StreamResponse
    ) -> None:
        while not feed.closed:
            if feed.behind:
                await self._catch_up(conversation_id, feed, response)
            news = feed.take_live()
            if not feed.behind:
                news += await self._rest(conversation_id, feed)
            if news:
                await response.write(news)
                self._sighted(conversation_id, feed)
            if not feed.has_news:
                await feed.wait()
        await response.write(_retry())

    async def _catch_up(
        self, conversation_id: ConversationId, feed: Feed, response: web.StreamResponse
    ) -> None:
        """Write what the log holds beyond the cursor."""
        more = True
        while more and not feed.closed:
            feed.behind = False
            messages, more = await self._core.board.messages(conversation_id, feed.cursor, PAGE)
            if messages:
                await response.write(feed.take_logged(messages))
                self._sighted(conversation_id, feed)

    def _sighted(self, conversation_id: ConversationId, feed: Feed) -> None:
        if seq := feed.take_sighting():
            self._sightings.shown(conversation_id, seq)

    async def _rest(self, conversation_id: ConversationId, feed: Feed) -> bytes:
        """Return the frames of the state, the hints and the heartbeat."""
        news = feed.take_hints()
        if feed.beat:
            feed.beat = False
            news += HEARTBEAT
            # Those ahead in the queue may have become fewer without anything happening here.
            is_turn = self._second // BEAT_EVERY % PLACE_EVERY == 0
            feed.unsure = feed.unsure or (feed.waiting is not None and is_turn)
        if feed.unsure:
            feed.unsure = False
            looked_up = await self._core.board.conversation(conversation_id)
            if looked_up is not None and feed.state is None:
                feed.learn(looked_up)
        state = feed.take_state()
        if state is not None:
            feed.place = await place_of(self._core.board, state)
            if feed.is_news(state):
                news += frame("state", state_json(state, feed.place))
        return news

    def tick(self) -> None:
        """Let a second pass: the streams whose turn it is give a sign of life."""
        self._second += 1
        for feed in self._turns[self._second % BEAT_EVERY]:
            feed.tick()

    def close(self) -> None:
        """End all streams; their pages come back after a time that chance spreads."""
        self._closing = True
        for turn in self._turns:
            for feed in turn:
                feed.close()


def _asked_after(asked: Asked) -> int:
    """Return the cursor a page wants to go on after."""
    last = asked.request.headers.get("Last-Event-ID")
    if last:
        return LAST_EVENT.check("Last-Event-ID", last)
    after: int = asked.query.get("after", 0)
    return after


def _begin(feed: Feed, conversation: Conversation) -> None:
    """Set a feed to where the conversation stands; a cursor beyond the log is of another log."""
    if feed.cursor > conversation.cursor:
        feed.cursor = 0
    feed.seen = feed.told = conversation.shown
    if feed.state is None:
        feed.learn(conversation)


def _retry() -> bytes:
    return f"retry: {COME_BACK[0] + secrets.randbelow(COME_BACK[1])}\n\n".encode()
