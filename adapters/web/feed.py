"""What one open stream still has to be told. Pure: no socket, no clock, no waiting.

The log is the queue and the cursor the receipt: a feed remembers only how far it got. News that
does not follow on the last message without a gap, or that piles up, is thrown away, and the log is
read again from there; so nothing is missed, doubled, or kept for a reader who does not read.
"""

from collections.abc import Iterable

from adapters.messages import message_json
from adapters.plain import as_bytes
from adapters.web.shapes import is_waiting
from bridge.domain.conversation import Conversation
from bridge.domain.handoff import Handoff
from bridge.domain.messages import Message, Role
from bridge.ports.core import Changed, DraftGrew, Event, Typing

MOST_PENDING = 64
"""Messages a feed keeps in memory; more of them are read from the log instead."""

HEARTBEAT = b":\n\n"


def frame(event: str, value: object, cursor: int | None = None) -> bytes:
    """Return one server-sent event (WHATWG HTML, section 9.2)."""
    head = f"event: {event}\n" if cursor is None else f"id: {cursor}\nevent: {event}\n"
    return b"%bdata: %b\n\n" % (head.encode(), as_bytes(value))


class Feed:
    """One stream's news."""

    __slots__ = (
        "_draft",
        "_last_state",
        "_pending",
        "_typing",
        "beat",
        "behind",
        "closed",
        "cursor",
        "epoch",
        "place",
        "seen",
        "state",
        "told",
        "unsure",
        "waiting",
    )

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.behind = True
        self.unsure = False
        self.beat = False
        self.closed = False
        self.state: Conversation | None = None
        self.waiting: Handoff | None = None
        self.place: int | None = None
        self.seen = 0
        self.told = 0
        self.epoch = 0
        self._last_state = 0
        self._pending: list[Message] | None = None
        self._draft: DraftGrew | None = None
        self._typing: Typing | None = None

    def wake(self) -> None:
        """Tell whoever serves the stream that there is something to do."""

    def hear(self, event: Event) -> None:
        """Take in what changed; called by the core, must not block."""
        match event:
            case Changed():
                self._hear_change(event)
            case DraftGrew():
                self._draft = event if event.epoch >= self.epoch else None
            case Typing():
                if event.role == Role.CUSTOMER:
                    return
                self._typing = event
        self.wake()

    def _hear_change(self, event: Changed) -> None:
        if event.state is not None:
            self.learn(event.state)
        if not event.messages:
            # A change without saying which: look for oneself.
            self.behind = self.behind or event.state is None
            self.unsure = self.unsure or event.state is None
            return
        self._draft = self._typing = None
        pending = self._pending or []
        if len(pending) + len(event.messages) > MOST_PENDING:
            self.fall_behind()
        else:
            self._pending = [*pending, *event.messages]

    def learn(self, state: Conversation) -> None:
        """Take in a newer state; what the assistant wrote before the floor changed is dropped."""
        self.state = state
        self.epoch = state.epoch
        if self._draft is not None and self._draft.epoch < state.epoch:
            self._draft = None

    def fall_behind(self) -> None:
        """Forget what is pending: it will be read from the log."""
        self._pending = None
        self.behind = True

    def close(self) -> None:
        """End the stream as soon as its handler looks."""
        self.closed = True
        self.wake()

    def tick(self) -> None:
        """Ask for a sign of life."""
        self.beat = True
        self.wake()

    @property
    def has_news(self) -> bool:
        """Whether there is anything to do."""
        lossy = self._draft is not None or self._typing is not None or self.beat
        return (
            lossy or self.behind or self.unsure or self.closed or bool(self._pending or self.state)
        )

    def take_live(self) -> bytes:
        """Return the frames of the live messages; falls behind where one is missing before them."""
        pending, self._pending = self._pending, None
        if not pending:
            return b""
        frames = []
        for message in sorted(pending, key=_cursor):
            if message.cursor > self.cursor + 1:
                self.behind = True
                break
            if message.cursor > self.cursor:
                frames.append(self._pass(message))
        return b"".join(frames)

    def take_logged(self, messages: Iterable[Message]) -> bytes:
        """Return the frames of messages read from the log, where gaps mean nothing."""
        return b"".join([self._pass(m) for m in messages if m.cursor > self.cursor])

    def _pass(self, message: Message) -> bytes:
        self.cursor = message.cursor
        if message.role is Role.TEAMMATE and message.seq > self.seen:
            self.seen = message.seq
        return frame("message", message_json(message), message.cursor)

    def take_sighting(self) -> int:
        """Return the seq of the last teammate's message that passed, once; else 0."""
        if self.seen <= self.told:
            return 0
        self.told = self.seen
        return self.seen

    def take_state(self) -> Conversation | None:
        """Return the newest state, once."""
        state, self.state = self.state, None
        if state is not None:
            self.waiting = state.handoff if is_waiting(state.handoff) else None
        return state

    def is_news(self, state: Conversation) -> bool:
        """Whether a state, at the feed's place, is another one than was told last."""
        now = hash((state.floor, state.epoch, state.handoff, self.place))
        before, self._last_state = self._last_state, now
        return now != before

    def take_hints(self) -> bytes:
        """Return the frames of what may be lost."""
        frames = b""
        if self._draft is not None:
            frames += frame("draft", {"text": self._draft.text, "epoch": self._draft.epoch})
        if self._typing is not None:
            frames += frame("typing", {"role": self._typing.role, "name": self._typing.name})
        self._draft = self._typing = None
        return frames


def _cursor(message: Message) -> int:
    return message.cursor
