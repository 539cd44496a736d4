"""The page's live line: what changed in the rooms since it last looked, sent as events.

Changes are read from the file by number, so a line that was cut goes on where it stopped. Who
types is a hint between two changes and is never kept.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from adapters.plain import as_bytes
from adapters.problems import Problem, try_again_in
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.refs import Spot
from adapters.sandbox.render import post_json, thread_json
from adapters.sandbox.rows import Changes, Json, KeptThread
from bridge.domain.messages import Role
from bridge.ports.core import Board, Clock, Event, Presence, Typing

HEARTBEAT_SECONDS = 15.0
MAX_STREAMS = 64

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class SandboxStream:
    """Keeps each open page up to date until it goes, or until `close`."""

    def __init__(self, ledger: Ledger, board: Board, presence: Presence, clock: Clock) -> None:
        self._ledger = ledger
        self._board = board
        self._presence = presence
        self._clock = clock
        self._lines: set[asyncio.Event] = set()
        self._closed = False

    def close(self) -> None:
        """End every line, so that the server can stop."""
        self._closed = True
        for wake in self._lines:
            wake.set()

    async def serve(
        self, request: web.Request, after: int, thread: KeptThread | None
    ) -> web.StreamResponse:
        """Answer with the changes after a number, and then with each as it comes."""
        if len(self._lines) >= MAX_STREAMS:
            problem = Problem(429, "Too many pages are open; close one.")
            raise problem.with_headers(try_again_in(5))
        answer = web.StreamResponse(headers=_HEADERS)
        await answer.prepare(request)
        hints: list[Json] = []
        wake = asyncio.Event()
        stop_watching = await self._watch(thread, hints, wake)
        try:
            with self._line(wake):
                await self._go_on(answer, after, hints, wake)
        except (ConnectionError, OSError):
            pass
        finally:
            stop_watching()
        return answer

    async def _go_on(
        self, answer: web.StreamResponse, after: int, hints: list[Json], wake: asyncio.Event
    ) -> None:
        await answer.write(b"retry: 1000\n\n")
        if after > self._ledger.cursor():
            await answer.write(_event("reset", {}))
            return
        while not self._closed:
            changes = self._ledger.changes(after)
            lines = [*_changed(changes), *(_event("typing", hint) for hint in hints)]
            hints.clear()
            await answer.write(b"".join(lines) or b": still here\n\n")
            after = changes.cursor
            await self._clock.wait(wake, HEARTBEAT_SECONDS)
            wake.clear()

    @contextmanager
    def _line(self, wake: asyncio.Event) -> Iterator[None]:
        self._lines.add(wake)
        stop = self._ledger.listen(wake.set)
        try:
            yield
        finally:
            stop()
            self._lines.discard(wake)

    async def _watch(
        self, thread: KeptThread | None, hints: list[Json], wake: asyncio.Event
    ) -> Callable[[], None]:
        """Note down when the customer of the open thread types."""
        if thread is None:
            return lambda: None
        found = await self._board.conversation_in(Spot(thread.room, thread.id).thread_ref)
        if found is None:
            return lambda: None

        def note_down(event: Event) -> None:
            if isinstance(event, Typing) and event.role == Role.CUSTOMER and not hints:
                hints.append({"thread": str(thread.id)})
                wake.set()

        return self._presence.watch(found.id, note_down)


def _changed(changes: Changes) -> list[bytes]:
    """Return the changes as events, in their order."""
    threads = [(thread.change, "thread", thread_json(thread)) for thread in changes.threads]
    posts = [(post.change, "post", post_json(post)) for post in changes.posts]
    ordered = sorted([*threads, *posts], key=lambda change: change[0])
    return [_event(name, data, change) for change, name, data in ordered]


def _event(name: str, data: Json, number: int | None = None) -> bytes:
    head = f"id: {number}\n" if number is not None else ""
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), name.encode(), as_bytes(data))
