"""The whole core with a hand-moved clock, a desk and an assistant that tests can steer.

`World` speaks the language of the stories: the customer says, the teammate replies, the world
settles. It runs on a real database; `crash` drops everything in memory without a word, `restart`
begins again from what was stored.
"""

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Self

from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.conversation import Conversation, Customer
from bridge.domain.delivery import Answer
from bridge.domain.errors import DeliveryError
from bridge.domain.facts import (
    CustomerWrote,
    PersonAsked,
    SessionOpened,
    TeammateActed,
    TeammateWrote,
    Verb,
    Verdict,
)
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Author, Message
from bridge.domain.posts import Amendment, Card, Post, PostKind
from bridge.domain.rules import Place, Rules
from bridge.ports.assistant import Draft, Question
from bridge.ports.desk import Turn
from bridge.ports.store import Store
from bridge.relay.carriers import WebhookSender
from bridge.relay.relay import Outside, Relay
from tests.clocks import HandClock

ANN = Author("Ann", None, "u-ann")
BOB = Author("Bob", None, "u-bob")


@dataclass(slots=True)
class Kept:
    """One post as the memory desk keeps it."""

    ref: str
    thread: str
    keys: tuple[str, ...]
    post: Post | None
    card: Card | None
    made_at: float
    marks: list[object] = field(default_factory=list)


class FreePacer:
    """A pacer without limits."""

    def ready(self, room: str) -> bool:
        """Always."""
        del room
        return True

    async def turn(self, room: str, turn: Turn) -> None:
        """At once."""

    def pause(self, room: str, seconds: float) -> None:
        """Not at all."""


class MemoryDesk:
    """A platform that outlives the crashes of the bridge, and can be told to fail.

    `before` and `after` are lists of exceptions: the next call takes the first of them and raises
    it without, or after, its effect.
    """

    name = "memory"
    pacer = FreePacer()

    def __init__(self, clock: HandClock, capabilities: DeskCapabilities | None = None) -> None:
        self.clock = clock
        self.capabilities = capabilities or DeskCapabilities(
            max_text=4000, can_mark=True, settle_seconds=6.0
        )
        self.posts: list[Kept] = []
        self.before: list[DeliveryError | None] = []
        self.after: list[DeliveryError | None] = []
        self.calls: list[str] = []
        self._number = count(1)

    async def _around(self, name: str, effect: Callable[[], Any]) -> Any:
        self.calls.append(name)
        await asyncio.sleep(0)
        problem = self.before.pop(0) if self.before else None
        if problem is not None:
            raise problem
        made = effect()
        await asyncio.sleep(0)
        problem = self.after.pop(0) if self.after else None
        if problem is not None:
            raise problem
        return made

    def _keep(
        self, thread: str, keys: tuple[str, ...], post: Post | None, card: Card | None
    ) -> Kept:
        ref = f"memory:{next(self._number)}"
        kept = Kept(ref, thread or ref, keys, post, card, self.clock.now())
        self.posts.append(kept)
        return kept

    async def open_thread(self, room: str, card: Card, key: str) -> ThreadRef:
        """Keep a root."""
        del room
        kept = await self._around("open_thread", lambda: self._keep("", (key,), None, card))
        return ThreadRef(kept.ref)

    async def post(self, thread: ThreadRef, post: Post, keys: tuple[str, ...]) -> PostRef:
        """Keep a post."""
        kept = await self._around("post", lambda: self._keep(thread, keys, post, None))
        return PostRef(kept.ref)

    async def amend(self, post: PostRef, amendment: Amendment) -> None:
        """Mark a post."""
        self.calls.append("amend")
        for kept in self.posts:
            if kept.ref == post:
                kept.marks.append(amendment.mark)

    async def refresh(self, thread: ThreadRef, card: Card) -> None:
        """Replace the card."""
        self.calls.append("refresh")
        for kept in self.posts:
            if kept.ref == thread:
                kept.card = card

    async def find(
        self, room: str, thread: ThreadRef | None, key: str, since: float
    ) -> PostRef | ThreadRef | None:
        """Find by key."""
        del room, since
        self.calls.append("find")
        await asyncio.sleep(0)
        for kept in self.posts:
            if key in kept.keys and (thread is None or kept.thread == thread):
                return PostRef(kept.ref)
        return None

    @property
    def roots(self) -> list[Kept]:
        """The threads' roots."""
        return [kept for kept in self.posts if kept.card is not None]

    def words(self) -> list[str]:
        """Return the lines of all relayed messages, in the order they stand."""
        return [
            line
            for kept in self.posts
            if kept.post is not None and kept.post.kind is PostKind.MESSAGE
            for line in kept.post.text.split("\n")
        ]

    def notices(self) -> list[str]:
        """Return our own notices."""
        return [
            kept.post.text
            for kept in self.posts
            if kept.post is not None and kept.post.kind is PostKind.NOTICE
        ]


class SteeredAssistant:
    """Answers what the test put into `answers`, else "echo: …"; waits while `held` is set."""

    def __init__(self) -> None:
        self.answers: list[Answer | DeliveryError] = []
        self.asked: list[Question] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def answer(self, question: Question, draft: Draft) -> Answer:
        """Answer."""
        self.asked.append(question)
        await self.gate.wait()
        draft("…")
        if not self.answers:
            return Answer(f"echo: {question.turns[-1].text}")
        found = self.answers.pop(0)
        if isinstance(found, DeliveryError):
            raise found
        return found


class World:
    """A running bridge, and everybody around it."""

    def __init__(self, open_store: Callable[[], Any], rules: Rules, clock: HandClock) -> None:
        self.open_store = open_store
        self.clock = clock
        self.rules = rules
        self.desk = MemoryDesk(clock)
        self.assistant = SteeredAssistant()
        self.webhooks: WebhookSender | None = None
        self.relay: Relay = None  # type: ignore[assignment]
        self.store: Store = None  # type: ignore[assignment]
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []
        self._store_context: Any = None
        self._number = count(1)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop without ceremony."""
        await self.crash()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """Run background work; a failure of it fails the test when the world settles."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed.append(task.exception())  # type: ignore[arg-type]

    async def start(self) -> None:
        """Open the store and begin."""
        self._store_context = self.open_store()
        self.store = await self._store_context.__aenter__()
        outside = Outside({self.desk.name: self.desk}, self.assistant, self.webhooks)
        self.relay = Relay(self.store, lambda: self.rules, outside, self.clock)
        await self.relay.begin(self.spawn)

    async def crash(self) -> None:
        """Lose everything that was only in memory."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._store_context.__aexit__(None, None, None)
        # Who dies in the middle of connecting leaves an open socket behind: that is the point.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    async def restart(self) -> None:
        """Crash and begin again."""
        await self.crash()
        await self.start()

    async def settle(self, rounds: int = 600) -> None:
        """Let everything happen that can happen without time passing."""
        quiet = 0
        for _ in range(rounds):
            await asyncio.sleep(0.001)
            if self._failed:
                raise self._failed[0]
            courier, inbox = self.relay.courier, self.relay.inbox
            quiet = quiet + 1 if inbox.is_idle and not courier.moving() else 0
            if quiet >= 3:
                return

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Move the clock in small steps, settling in between."""
        left = seconds
        while left > 0:
            self.clock.advance(min(step, left))
            left -= step
            await self.settle()

    # What people do

    async def arrives(self, name: str = "Mia") -> ConversationId:
        """A customer opens the widget."""
        conversation_id = ConversationId(f"c_{next(self._number)}")
        await self.report(
            SessionOpened(
                key=f"session:{conversation_id}",
                at=self.clock.now(),
                conversation_id=conversation_id,
                customer=Customer(name=name),
            )
        )
        return conversation_id

    async def report(self, fact: Any) -> Verdict:
        """Hand any fact to the inbox."""
        return await self.relay.inbox.report(fact)

    async def says(
        self, conversation_id: ConversationId, text: str, client_id: str | None = None
    ) -> Verdict:
        """The customer writes."""
        return await self.report(
            CustomerWrote(
                key=f"web:{conversation_id}:{client_id or next(self._number)}",
                at=self.clock.now(),
                conversation_id=conversation_id,
                text=text,
            )
        )

    async def asks_for_person(self, conversation_id: ConversationId) -> Verdict:
        """The customer presses the button."""
        return await self.report(
            PersonAsked(
                key=f"ask:{conversation_id}:{next(self._number)}",
                at=self.clock.now(),
                conversation_id=conversation_id,
                source="button",
            )
        )

    async def replies(
        self,
        conversation_id: ConversationId,
        text: str,
        **changes: Any,
    ) -> Verdict:
        """A teammate writes in the conversation's thread."""
        number = next(self._number)
        conversation = await self.conversation(conversation_id)
        fact = TeammateWrote(
            key=changes.pop("key", f"memory:reply:{number}"),
            at=self.clock.now(),
            thread=conversation.thread or ThreadRef("memory:none"),
            post=changes.pop("post", PostRef(f"memory:reply:{number}")),
            author=changes.pop("author", ANN),
            text=text,
            **changes,
        )
        return await self.report(fact)

    async def clicks(
        self, conversation_id: ConversationId, verb: Verb, author: Author = ANN
    ) -> Verdict:
        """A teammate uses a button."""
        conversation = await self.conversation(conversation_id)
        handoff_id = conversation.handoff.id if conversation.handoff else None
        act = replace(self.act(verb, author), handoff_id=handoff_id, thread=conversation.thread)
        return await self.report(act)

    def act(self, verb: Verb, author: Author = ANN) -> TeammateActed:
        """Return what a teammate does now, without saying where."""
        key = f"memory:act:{next(self._number)}"
        return TeammateActed(key=key, at=self.clock.now(), verb=verb, author=author)

    # What can be seen

    async def conversation(self, conversation_id: ConversationId) -> Conversation:
        """Return a conversation as it is now."""
        found = await self.relay.board.conversation(conversation_id)
        assert found is not None
        return found

    async def messages(self, conversation_id: ConversationId) -> tuple[Message, ...]:
        """Return the customer's log, in order of seq."""
        found, more = await self.relay.board.messages(conversation_id, 0, 10_000)
        assert not more
        return tuple(sorted(found, key=lambda m: m.seq))

    async def escalated(self) -> ConversationId:
        """Return a conversation whose thread stands at the desk."""
        conversation_id = await self.arrives()
        await self.says(conversation_id, "hello")
        await self.settle()
        await self.asks_for_person(conversation_id)
        await self.settle()
        return conversation_id


def the_rules(policy: Any, desk: MemoryDesk | None = None, **changes: Any) -> Rules:
    """Return rules with one room at the memory desk."""
    capabilities = desk.capabilities if desk else DeskCapabilities(max_text=4000, can_mark=True)
    return Rules(
        policy, places=(Place("memory", "support"),), desks={"memory": capabilities}, **changes
    )
