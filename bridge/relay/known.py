"""What the inbox remembers of where things belong, and what a batch still has to read."""

from dataclasses import dataclass, field

from bridge.domain.ids import ConversationId, HandoffId, PostRef, ThreadRef
from bridge.ports.store import Wanted

MOST_KNOWN = 100_000
"""Threads and handoffs remembered at most."""


@dataclass(slots=True)
class Known:
    """Which conversation a thread or a handoff belongs to, as far as remembered."""

    threads: dict[ThreadRef, ConversationId] = field(default_factory=dict)
    handoffs: dict[HandoffId, ConversationId] = field(default_factory=dict)

    def of(self, thread: ThreadRef | None, handoff_id: HandoffId | None) -> ConversationId | None:
        """Return the conversation of a thread, or else of a handoff, if remembered."""
        if thread is not None:
            return self.threads.get(thread)
        return self.handoffs.get(handoff_id) if handoff_id is not None else None

    def trim(self) -> None:
        """Stay bounded: what is forgotten is read again when needed."""
        if len(self.threads) + len(self.handoffs) > MOST_KNOWN:
            self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.threads.clear()
        self.handoffs.clear()


@dataclass(slots=True)
class Wanting:
    """What a batch wants to know, while it is collected."""

    conversations: set[ConversationId] = field(default_factory=set)
    threads: set[ThreadRef] = field(default_factory=set)
    handoffs: set[HandoffId] = field(default_factory=set)
    posts: set[PostRef] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def frozen(self) -> Wanted | None:
        """Return it as a value, or None when nothing is wanted."""
        if not (self.conversations or self.threads or self.handoffs or self.posts or self.keys):
            return None
        return Wanted(
            frozenset(self.conversations),
            frozenset(self.threads),
            frozenset(self.handoffs),
            frozenset(self.posts),
            frozenset(self.keys),
        )
