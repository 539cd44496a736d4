"""A desk, an assistant and a database that misbehave as they are told, and a world around them.

Nothing here waits for real time: the world has settled when every call to the outside has ended
and nothing new was begun for a few turns of the event loop.
"""

import asyncio
import contextlib
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.delivery import Answer
from bridge.domain.errors import DeliveryError, Refused, StoreUnavailable, TryAgain, Uncertain
from bridge.domain.ids import PostRef, ThreadRef
from bridge.domain.policy import default_policy
from bridge.domain.posts import Amendment, Card, Post, PostKind
from bridge.ports.assistant import Draft, Question
from bridge.ports.store import Store
from storage import open_store
from tests.clocks import HandClock
from tests.databases import sqlite_url
from tests.world import MemoryDesk, SteeredAssistant, World, the_rules

TURNS = 15
"""Turns of the event loop without news after which nothing more happens by itself."""


class Fuse:
    """Burns down with every call of the outside, before it and after it; at its end, nothing
    that comes by ever goes on: the moment to pull the plug.
    """

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.burnt: list[str] = []
        self.blown = asyncio.Event()

    async def burn(self, name: str) -> None:
        """Take a step."""
        self.burnt.append(name)
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.blown.set()
            await asyncio.Event().wait()

    def around(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return the call with a step before and a step after it."""

        async def wrapped(*given: Any, **named: Any) -> Any:
            await self.burn(f"before {name}")
            found = await call(*given, **named)
            await self.burn(f"after {name}")
            return found

        return wrapped


class ShakyStore:
    """A real store that refuses the next calls when told to, and knows what is under way."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self.truth = store
        self.fuse = fuse
        self.refusals = 0
        self.calls = 0
        self.under_way = 0
        self.quiet = asyncio.Event()
        self.quiet.set()

    def __getattr__(self, name: str) -> Any:
        """Return the store's own method, watched."""
        found = getattr(self.truth, name)
        if name == "run" or not inspect.iscoroutinefunction(found):
            return found
        return self.fuse.around(self._watched(found), name)

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def watched(*given: Any, **named: Any) -> Any:
            self.calls += 1
            if self.refusals:
                self.refusals -= 1
                message = "away for a moment"
                raise StoreUnavailable(message)
            self.under_way += 1
            self.quiet.clear()
            try:
                return await call(*given, **named)
            finally:
                self.under_way -= 1
                if not self.under_way:
                    self.quiet.set()

        return watched


TROUBLES: dict[str, Callable[[], DeliveryError]] = {
    "again": lambda: TryAgain("not now"),
    "told": lambda: TryAgain("slow down", 7.0),
    "lost": lambda: Uncertain("the reply was lost, and the post never made"),
    "made": lambda: Uncertain("the reply was lost, the post was made"),
    "refused": lambda: Refused("never"),
}
"""How a call at the desk may end; `made` strikes after its effect, the others before it."""


def trouble_of(name: str) -> DeliveryError:
    """Return a new error of a kind."""
    return TROUBLES[name]()


class UnrulyDesk(MemoryDesk):
    """A platform that fails, stalls, shows posts late, loses threads, and counts who is with it.

    `troubles` and `blind` are what the next calls and look-ups end with. A post is found only
    `lag` seconds after it was made, which is less than the time it promises to settle in.
    """

    def __init__(self, clock: HandClock, fuse: Fuse) -> None:
        super().__init__(
            clock, DeskCapabilities(max_text=4000, can_mark=True, merges=True, settle_seconds=6.0)
        )
        self.fuse = fuse
        self.troubles: list[str] = []
        self.blind: list[str] = []
        self.lag = 0.0
        self.lost: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.crowded: list[str] = []
        self._inside: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def _lane(self, name: str, leg: str) -> Iterator[None]:
        lane = (name, leg)
        self._inside[lane] += 1
        if self._inside[lane] > 1:
            self.crowded.append(f"two deliveries on their way to {lane}")
        try:
            yield
        finally:
            self._inside[lane] -= 1

    async def _effect(self, name: str, thread: str, effect: Callable[[], Any]) -> Any:
        self.calls.append(name)
        await self.gate.wait()
        await self.fuse.burn(f"before {name}")
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble and trouble != "made":
            raise trouble_of(trouble)
        if thread in self.lost:
            gone = "the thread is gone"
            raise Refused(gone, lost_thread=True)
        made = effect()
        await self.gate.wait()
        await self.fuse.burn(f"after {name}")
        if trouble:
            raise trouble_of(trouble)
        return made

    async def open_thread(self, room: str, card: Card, key: str) -> ThreadRef:
        """Keep a root."""
        with self._lane(of_key(key), "words"):
            kept = await self._effect("open", "", lambda: self._keep("", (key,), None, card))
        return ThreadRef(kept.ref)

    async def post(self, thread: ThreadRef, post: Post, keys: tuple[str, ...]) -> PostRef:
        """Keep a post."""
        leg = "notices" if post.kind is PostKind.NOTICE else "words"
        with self._lane(of_key(keys[0]), leg):
            kept = await self._effect("post", thread, lambda: self._keep(thread, keys, post, None))
        return PostRef(kept.ref)

    async def amend(self, post: PostRef, amendment: Amendment) -> None:
        """Mark a post."""
        await self._effect("amend", "", lambda: None)

    async def refresh(self, thread: ThreadRef, card: Card) -> None:
        """Replace the card."""
        with self._lane(thread, "card"):
            await self._effect("refresh", thread, lambda: None)

    async def find(
        self, room: str, thread: ThreadRef | None, key: str, since: float
    ) -> PostRef | ThreadRef | None:
        """Find by key what has become visible by now."""
        self.calls.append("find")
        await self.fuse.burn("before find")
        trouble = self.blind.pop(0) if self.blind else ""
        if trouble:
            raise trouble_of(trouble)
        if thread in self.lost:
            gone = "the thread is gone"
            raise Refused(gone, lost_thread=True)
        seen = [
            kept
            for kept in self.posts
            if key in kept.keys
            and (thread is None or kept.thread == thread)
            and kept.made_at + self.lag <= self.clock.now()
        ]
        await self.fuse.burn("after find")
        return PostRef(seen[0].ref) if seen else None


def of_key(key: str) -> str:
    """Return the conversation that a delivery's key belongs to."""
    _, _, place = key.partition(".")[0].split("_", 2)
    return place.rpartition("_")[0]


class LateAssistant(SteeredAssistant):
    """Says under which epoch it was asked; holds its answers back while it is `slow`."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self.fuse = fuse
        self.slow = False
        self.troubles: list[str] = []
        self.held: list[asyncio.Event] = []
        self._number = count(1)

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Answer, now or when let."""
        self.asked.append(question)
        await self.fuse.burn("before answer")
        draft(f"draft e{question.epoch}.")
        if self.slow:
            held = asyncio.Event()
            self.held.append(held)
            await held.wait()
            draft(f"draft e{question.epoch}. more")
        await self.fuse.burn("after answer")
        trouble = self.troubles.pop(0) if self.troubles else ""
        text = f"answer e{question.epoch}. number {next(self._number)}"
        match trouble:
            case "":
                return Answer(text)
            case "failed":
                return Answer(text, failed=True)
            case "escalate":
                return Answer(text, escalate="I cannot decide this")
            case _:
                pass
        raise trouble_of(trouble)

    def let_one(self) -> None:
        """Let the oldest answer that is held back out."""
        if self.held:
            self.held.pop(0).set()

    def let_all(self) -> None:
        """Hold nothing back any more."""
        self.slow = False
        while self.held:
            self.let_one()


class UnrulyWorld(World):
    """The core on a SQLite file, with everything around it unruly."""

    store: ShakyStore
    desk: UnrulyDesk
    assistant: LateAssistant

    def __init__(self, folder: Path) -> None:
        clock = HandClock()
        self.fuse = Fuse()
        url = sqlite_url(folder)
        super().__init__(lambda: self._opened(url), the_rules(default_policy()), clock)
        self.desk = UnrulyDesk(clock, self.fuse)
        self.assistant = LateAssistant(self.fuse)
        self.rules = the_rules(default_policy(), self.desk)
        self.started: Callable[[], None] = lambda: None
        self.failed: list[str] = []

    @contextlib.asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator[ShakyStore]:
        async with open_store(url) as store:
            self.store = ShakyStore(store, self.fuse)
            yield self.store

    def light(self, steps: int | None) -> Fuse:
        """Begin a new fuse; None never ends."""
        self.fuse = self.desk.fuse = self.assistant.fuse = self.store.fuse = Fuse(steps)
        return self.fuse

    async def start(self) -> None:
        """Open the store and begin."""
        await super().start()
        self.started()

    async def crash(self) -> None:
        """Lose everything that was only in memory."""
        self.light(None)
        self.assistant.let_all()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        await self._store_context.__aexit__(None, None, None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failed.append(f"{task.get_name()} ended: {task.exception()!r}")

    async def settle(self, rounds: int = 3_000) -> None:
        """Let everything happen that can happen without time passing."""
        still, before = 0, (-1, -1, -1)
        for _ in range(rounds):
            await asyncio.sleep(0)
            await self.store.quiet.wait()
            now = (self.store.calls, len(self.desk.calls), len(self.assistant.asked))
            still, before = (still + 1 if now == before else 0), now
            if still >= TURNS:
                return
        message = "the world does not come to rest"
        raise AssertionError(message)
