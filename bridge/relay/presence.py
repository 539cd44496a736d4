"""Who watches a conversation now: live streams are told what changed, typing and drafts.

Nothing here is stored, and nothing is lost by missing it: a stream reads the log by cursor.
"""

import logging
from collections.abc import Callable, Sequence

from bridge.domain.conversation import Conversation
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Message
from bridge.ports.core import Changed, Event, Listener
from bridge.relay.batch import Batch

log = logging.getLogger(__name__)


class LivePresence:
    """The listeners of this instance."""

    def __init__(self) -> None:
        self._listeners: dict[ConversationId, list[Listener]] = {}

    def watch(self, conversation_id: ConversationId, listener: Listener) -> Callable[[], None]:
        """Call `listener` at every event; returns what ends it."""
        self._listeners.setdefault(conversation_id, []).append(listener)

        def end() -> None:
            listeners = self._listeners.get(conversation_id, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(conversation_id, None)

        return end

    def tell(self, conversation_id: ConversationId, event: Event) -> None:
        """Tell everybody who watches."""
        for listener in tuple(self._listeners.get(conversation_id, ())):
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed", extra={"action": "listener_failed"})

    def watched(self) -> frozenset[ConversationId]:
        """Return the conversations somebody watches here."""
        return frozenset(self._listeners)

    def publish(self, batch: Batch) -> None:
        """Tell the watchers what a batch stored."""
        said: dict[ConversationId, list[Message]] = {}
        for message in (*batch.write.messages, *batch.write.amended):
            if message.conversation_id in self._listeners:
                said.setdefault(message.conversation_id, []).append(message)
        for conversation_id in batch.states - said.keys():
            self._changed(conversation_id, (), batch.current[conversation_id])
        for conversation_id, messages in said.items():
            state = batch.current[conversation_id] if conversation_id in batch.states else None
            self._changed(conversation_id, messages, state)

    def _changed(
        self,
        conversation_id: ConversationId,
        messages: Sequence[Message],
        state: Conversation | None,
    ) -> None:
        if conversation_id in self._listeners:
            self.tell(conversation_id, Changed(tuple(messages), state))
