"""A small core in memory, honest about the ports: facts are taken once, the log has cursors.

It knows just enough of the rules to make every answer of the customer's side possible; the real
core takes its place in tests/test_channels.py. `fail` makes the store unavailable.
"""

import asyncio
import hashlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from bridge.clock import SystemClock
from bridge.domain.conversation import Conversation
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    CustomerRated,
    CustomerSaw,
    CustomerWrote,
    Declined,
    Duplicate,
    Fact,
    PersonAsked,
    SessionOpened,
    Taken,
    TeammateAmended,
    TeammateWrote,
    Verdict,
)
from bridge.domain.handoff import FLOORS, Floor, Handoff, Reason, State, Step
from bridge.domain.ids import (
    ConversationId,
    FileId,
    HandoffId,
    MessageId,
    PostRef,
    ThreadRef,
    derive,
)
from bridge.domain.messages import Attachment, Author, Message, Role
from bridge.ports.core import Changed, Event, Listener, Waiting
from bridge.ports.files import StoredFile, TooLarge

Attachments = tuple[Attachment, ...]


class ShiftedClock(SystemClock):
    """The machine's time, which a test can move forward by hand."""

    def __init__(self) -> None:
        self.shift = 0.0

    def now(self) -> float:
        return super().now() + self.shift

    def monotonic(self) -> float:
        return super().monotonic() + self.shift


class MemoryPresence:
    """Who watches, in a dictionary."""

    def __init__(self) -> None:
        self.listeners: dict[ConversationId, list[Listener]] = {}
        self.told: list[tuple[ConversationId, Event]] = []

    def watch(self, conversation_id: ConversationId, listener: Listener) -> Callable[[], None]:
        listeners = self.listeners.setdefault(conversation_id, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def tell(self, conversation_id: ConversationId, event: Event) -> None:
        self.told.append((conversation_id, event))
        for listener in tuple(self.listeners.get(conversation_id, ())):
            listener(event)


class MemoryCore:
    """Inbox and board in one: conversations, their logs, and the keys that were taken."""

    def __init__(self, presence: MemoryPresence) -> None:
        self.presence = presence
        self.conversations: dict[ConversationId, Conversation] = {}
        self.logs: dict[ConversationId, dict[MessageId, Message]] = {}
        self.keys: dict[str, Taken] = {}
        self.digests: dict[str, str] = {}
        self.facts: list[Fact] = []
        self.fail = False
        self.saw = asyncio.Event()
        self._posts = itertools.count(1)

    async def report(self, fact: Fact) -> Verdict:
        await self._reach()
        if fact.key in self.keys:
            first = self.keys[fact.key]
            return Duplicate(first.ref, first.seq, self.digests[fact.key])
        if isinstance(fact, SessionOpened):
            self._open(fact)
        conversation = self.conversations.get(fact.conversation_id)
        if conversation is None:
            return Declined("unknown", "There is no such conversation.")
        verdict = self._take(conversation, fact)
        if isinstance(verdict, Taken):
            self.keys[fact.key] = verdict
            self.digests[fact.key] = getattr(fact, "digest", "")
            self.facts.append(fact)
        return verdict

    async def _reach(self) -> None:
        """Reach the store, which takes a moment in which anything may happen."""
        await asyncio.sleep(0)
        if self.fail:
            raise StoreUnavailable("the store is away")

    def _open(self, fact: SessionOpened) -> None:
        if fact.conversation_id not in self.conversations:
            new = Conversation(fact.conversation_id, fact.customer, fact.at)
            self.conversations[new.id] = new
            self.logs[new.id] = {}

    def _take(self, conversation: Conversation, fact: Fact) -> Verdict:
        takers: dict[type, Callable[[Conversation, Any], Verdict]] = {
            SessionOpened: self._learn,
            CustomerWrote: self._hear,
            BotWrote: self._bot,
            PersonAsked: self._escalate,
            AssistantWanted: lambda c, _: self._step(c, Step.HANDED_BACK),
            CustomerSaw: self._see,
            CustomerRated: lambda *_: Taken(),
            TeammateWrote: self._answer,
            TeammateAmended: self._amend,
        }
        return takers[type(fact)](conversation, fact)

    def _hear(self, conversation: Conversation, fact: CustomerWrote) -> Verdict:
        name = Author(conversation.customer.name or "")
        return self._say(fact, Role.CUSTOMER, name, fact.text, fact.attachments)

    def _answer(self, conversation: Conversation, fact: TeammateWrote) -> Verdict:
        self._step(conversation, Step.CLAIMED, fact.author)
        return self._say(fact, Role.TEAMMATE, fact.author, fact.text, fact.attachments)

    def _see(self, conversation: Conversation, fact: CustomerSaw) -> Verdict:
        self.saw.set()
        shown = max(conversation.shown, fact.shown, fact.read)
        self._save(conversation, shown=shown, read=max(conversation.read, fact.read))
        return Taken()

    def _learn(self, conversation: Conversation, fact: SessionOpened) -> Verdict:
        known, told = conversation.customer, fact.customer
        merged = replace(
            known,
            name=told.name or known.name,
            email=told.email or known.email,
            locale=told.locale or known.locale,
            page_url=told.page_url or known.page_url,
            external_id=told.external_id or known.external_id,
            attributes={**known.attributes, **told.attributes},
        )
        self._save(conversation, customer=merged)
        return Taken()

    def _bot(self, conversation: Conversation, fact: BotWrote) -> Verdict:
        if fact.role == "customer":
            return self._say(fact, Role.CUSTOMER, Author(""), fact.text)
        is_old = fact.epoch is not None and fact.epoch != conversation.epoch
        if is_old or conversation.floor is not Floor.ASSISTANT:
            detail: dict[str, object] = {"floor": conversation.floor, "epoch": conversation.epoch}
            return Declined("stale", "The assistant no longer has the floor.", detail)
        return self._say(fact, Role.ASSISTANT, Author("Assistant"), fact.text)

    def _say(
        self, fact: Fact, role: Role, author: Author, text: str, files: Attachments = ()
    ) -> Taken:
        conversation = self.conversations[fact.conversation_id]
        seq, cursor = conversation.seq + 1, conversation.cursor + 1
        message_id = MessageId(derive("m", conversation.id, fact.key))
        post = getattr(fact, "post", None)
        at = getattr(fact, "sent_at", None) or fact.at
        message = Message(
            message_id, conversation.id, seq, cursor, role, author, text, at, files, post=post
        )
        self._put(replace(conversation, seq=seq, cursor=cursor), message)
        return Taken(message_id, seq, conversation.floor, conversation.epoch)

    def _amend(self, conversation: Conversation, fact: TeammateAmended) -> Taken:
        log = self.logs[conversation.id].values()
        message = next(m for m in log if m.post == fact.post)
        cursor = conversation.cursor + 1
        text, deleted = fact.text or "", fact.text is None
        files = () if deleted else message.attachments
        new = replace(
            message,
            cursor=cursor,
            text=text,
            attachments=files,
            deleted=deleted,
            edited_at=fact.at,
        )
        self._put(replace(conversation, cursor=cursor), new)
        return Taken(message.id, message.seq)

    def _put(self, conversation: Conversation, message: Message) -> None:
        self.conversations[conversation.id] = conversation
        self.logs[conversation.id][message.id] = message
        self.presence.tell(conversation.id, Changed((message,), None))

    def _escalate(self, conversation: Conversation, fact: PersonAsked) -> Taken:
        handoff = conversation.open_handoff
        if handoff is None:
            number = conversation.handoff.number + 1 if conversation.handoff else 1
            handoff = Handoff(
                HandoffId(derive("h", conversation.id, str(number))),
                conversation.id,
                number,
                State.WAITING,
                "sandbox",
                "room",
                Reason("human_request", "SECRET-RULE", "SECRET-WHY", "SECRET-WORDS", fact.summary),
                fact.at,
                fact.at,
                conversation.seq,
            )
            self._hand(conversation, handoff)
        after = self.conversations[conversation.id]
        return Taken(handoff.id, after.seq, after.floor, after.epoch)

    def _step(self, conversation: Conversation, step: Step, owner: Author | None = None) -> Taken:
        handoff = conversation.open_handoff
        if handoff is not None and not (step is Step.CLAIMED and handoff.owner == owner):
            self._hand(conversation, handoff.advance(step, 1.0, owner))
        after = self.conversations[conversation.id]
        return Taken("", after.seq, after.floor, after.epoch)

    def _hand(self, conversation: Conversation, handoff: Handoff) -> None:
        floor = FLOORS[handoff.state]
        epoch = conversation.epoch + (floor is not conversation.floor)
        self._save(conversation, handoff=handoff, floor=floor, epoch=epoch)
        self.presence.tell(conversation.id, Changed((), self.conversations[conversation.id]))

    def _save(self, conversation: Conversation, **changes: object) -> None:
        version = conversation.version + 1
        new = replace(conversation, version=version, **changes)  # type: ignore[arg-type]
        self.conversations[conversation.id] = new

    async def digests_of(self, keys: Iterable[str]) -> Mapping[str, str]:
        await self._reach()
        return {key: self.digests[key] for key in keys if key in self.digests}

    async def conversation(self, conversation_id: ConversationId) -> Conversation | None:
        await self._reach()
        found = self.conversations.get(conversation_id)
        await asyncio.sleep(0)
        return found

    async def conversation_in(self, thread: ThreadRef) -> Conversation | None:
        return None

    async def conversation_of(self, handoff_id: HandoffId) -> Conversation | None:
        return None

    async def conversation_with(self, post: PostRef) -> Conversation | None:
        return None

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        await self._reach()
        log = self.logs.get(conversation_id, {}).values()
        found = sorted((m for m in log if m.cursor > after), key=lambda m: m.cursor)
        await asyncio.sleep(0)
        return tuple(found[:limit]), len(found) > limit

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        await self._reach()
        log = self.logs.get(conversation_id, {}).values()
        return any(file.id == file_id for m in log if not m.deleted for file in m.attachments)

    async def queue(self, limit: int = 50) -> tuple[Waiting, ...]:
        return ()

    async def place_in_queue(self, handoff: Handoff) -> int:
        waiting = [
            c.handoff
            for c in self.conversations.values()
            if c.handoff is not None and c.handoff.state is State.WAITING
        ]
        return 1 + sum(other.requested_at < handoff.requested_at for other in waiting)

    # What happens behind the desk, for the tests to cause.

    async def teammate_says(
        self,
        conversation_id: ConversationId,
        text: str,
        name: str = "Marie",
        files: Attachments = (),
    ) -> PostRef:
        """A teammate answers in the thread."""
        post = PostRef(f"sandbox:{next(self._posts)}")
        await self.report(
            TeammateWrote(
                key=f"post:{post}",
                at=time.time(),
                conversation_id=conversation_id,
                thread=ThreadRef("sandbox:t"),
                post=post,
                author=Author(name, "https://pictures.example/marie.png", "U1"),
                text=text,
                attachments=files,
            )
        )
        return post

    async def teammate_edits(
        self, conversation_id: ConversationId, post: PostRef, text: str | None
    ) -> None:
        """A teammate edits a post, or deletes it."""
        await self.report(
            TeammateAmended(
                key=f"edit:{post}:{text}",
                at=time.time(),
                conversation_id=conversation_id,
                thread=ThreadRef("sandbox:t"),
                post=post,
                text=text,
            )
        )

    def resolve(self, conversation_id: ConversationId) -> None:
        """A teammate closes the handoff."""
        self._step(self.conversations[conversation_id], Step.RESOLVED)

    def erase(self, conversation_id: ConversationId) -> None:
        """Forget a conversation altogether."""
        del self.conversations[conversation_id]
        del self.logs[conversation_id]


class MemoryFiles:
    """Files in a dictionary; what breaks off on its way in is not kept."""

    def __init__(self) -> None:
        self.kept: dict[tuple[ConversationId, FileId], tuple[Attachment, bytes]] = {}
        self.customers: set[FileId] = set()

    async def put(
        self,
        conversation_id: ConversationId,
        name: str,
        chunks: AsyncIterator[bytes],
        limit: int,
        *,
        from_customer: bool = False,
    ) -> Attachment:
        content = b""
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                raise TooLarge
        file_id = FileId(f"f_{hashlib.sha256(content + name.encode()).hexdigest()[:20]}")
        attachment = Attachment(file_id, name, "application/octet-stream", len(content))
        self.kept[conversation_id, file_id] = attachment, content
        if from_customer:
            self.customers.add(file_id)
        return attachment

    async def open(self, conversation_id: ConversationId, file_id: FileId) -> StoredFile | None:
        found = self.kept.get((conversation_id, file_id))
        if found is None:
            return None
        attachment, content = found

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 65536):
                yield content[start : start + 65536]

        return StoredFile(attachment, chunks(), file_id in self.customers)

    async def drop(self, conversation_id: ConversationId, file_id: FileId) -> None:
        self.kept.pop((conversation_id, file_id), None)
