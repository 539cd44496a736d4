"""Read-only views of what is stored; what is in memory is not read again."""

from bridge.domain.conversation import Conversation
from bridge.domain.handoff import Handoff
from bridge.domain.ids import ConversationId, FileId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Message
from bridge.ports.core import Waiting
from bridge.ports.store import Store, Wanted
from bridge.relay.inbox import StoreInbox


class StoreBoard:
    """The board over a store and the inbox's memory."""

    def __init__(self, store: Store, inbox: StoreInbox) -> None:
        self._store = store
        self._inbox = inbox

    def remembered(self, conversation_id: ConversationId) -> Conversation | None:
        """Return a conversation if it is in memory."""
        return self._inbox.recall(conversation_id)

    async def conversation(self, conversation_id: ConversationId) -> Conversation | None:
        """Return the conversation, or None when there is no such one."""
        found = self._inbox.recall(conversation_id)
        if found is not None:
            return found
        loaded = await self._store.load(Wanted(conversations=frozenset({conversation_id})))
        return loaded.conversations.get(conversation_id)

    async def conversation_in(self, thread: ThreadRef) -> Conversation | None:
        """Return the conversation whose thread this is, or None."""
        known = self._inbox.thread_of(thread)
        if known is not None:
            return await self.conversation(known)
        loaded = await self._store.load(Wanted(threads=frozenset({thread})))
        found = loaded.threads.get(thread)
        return await self.conversation(found) if found else None

    async def conversation_of(self, handoff_id: HandoffId) -> Conversation | None:
        """Return the conversation of a handoff, or None."""
        loaded = await self._store.load(Wanted(handoffs=frozenset({handoff_id})))
        found = loaded.handoffs.get(handoff_id)
        return await self.conversation(found) if found else None

    async def conversation_with(self, post: PostRef) -> Conversation | None:
        """Return the conversation that has a message made from this post, or None."""
        found = (await self._store.load(Wanted(posts=frozenset({post})))).posts.get(post)
        return await self.conversation(found.conversation_id) if found else None

    async def messages(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> tuple[tuple[Message, ...], bool]:
        """Return what was created or changed after a cursor, in cursor order, and if more waits."""
        return await self._store.messages(conversation_id, after, limit)

    async def shows_file(self, conversation_id: ConversationId, file_id: FileId) -> bool:
        """Whether a file stands on a message that the customer sees now."""
        return await self._store.shows_file(conversation_id, file_id)

    async def queue(self, limit: int = 50) -> tuple[Waiting, ...]:
        """Return the open handoffs, the longest waiting first."""
        return await self._store.queue(limit)

    async def place_in_queue(self, handoff: Handoff) -> int:
        """Return the place of a waiting handoff in its room's queue, from 1."""
        return await self._store.ahead(handoff) + 1
