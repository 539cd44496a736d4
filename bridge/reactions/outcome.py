"""What follows from one fact: the new conversation, and everything to store and send with it.

A reaction fills an `Outcome` step by step; it never sends, waits, or looks at a clock. Ids are made
of the conversation, its counters and the fact, so that deciding again names the same things.
"""

from dataclasses import dataclass, replace

from bridge.domain.conversation import RECENT, Conversation
from bridge.domain.delivery import (
    DESK_LEGS,
    CallWebhook,
    Delivery,
    Leg,
    Payload,
    TellMessage,
    leg_of,
)
from bridge.domain.facts import Taken, Timer, Verdict
from bridge.domain.handoff import FLOORS, Floor, Handoff, Reason, State, Step
from bridge.domain.ids import (
    ConversationId,
    DeliveryId,
    MessageId,
    PostRef,
    ThreadRef,
    derive,
    handoff_id_of,
)
from bridge.domain.messages import Attachment, Author, Message, Note, Role


@dataclass(frozen=True, slots=True)
class Said:
    """Words on their way into the conversation."""

    role: Role
    author: Author
    text: str
    attachments: tuple[Attachment, ...] = ()
    post: PostRef | None = None
    sent_at: float | None = None
    edited_at: float | None = None
    client_id: str = ""


class Outcome:
    """The consequences of one fact, collected while a reaction runs.

    With `tells` every message, and every change of one, is told to the outgoing webhooks too.
    """

    __slots__ = (
        "amended",
        "at",
        "before",
        "cancelled",
        "changes",
        "cursor",
        "deliveries",
        "digest",
        "handoff",
        "key",
        "messages",
        "notes",
        "position",
        "records",
        "seq",
        "tells",
        "threads",
        "timers",
        "verdict",
    )

    def __init__(self, before: Conversation, key: str, at: float, *, tells: bool = False) -> None:
        self.before = before
        self.key = key
        self.at = at
        self.tells = tells
        self.digest = ""
        self.seq = before.seq
        self.cursor = before.cursor
        self.position = before.position
        self.handoff: Handoff | None = before.handoff
        self.changes: dict[str, object] = {}
        self.messages: list[Message] = []
        self.amended: list[Message] = []
        self.notes: list[Note] = []
        self.deliveries: list[Delivery] = []
        self.threads: list[ThreadRef] = []
        self.timers: dict[Timer, float | None] = {}
        self.records: list[tuple[str, dict[str, object]]] = []
        self.cancelled: frozenset[Leg] = frozenset()
        self.verdict: Verdict = Taken()

    @property
    def conversation_id(self) -> ConversationId:
        """Whose conversation it is."""
        return self.before.id

    @property
    def floor(self) -> Floor:
        """Who has the floor now."""
        return self.changes.get("floor", self.before.floor)  # type: ignore[return-value]

    @property
    def epoch(self) -> int:
        """The epoch now."""
        return self.changes.get("epoch", self.before.epoch)  # type: ignore[return-value]

    @property
    def open_handoff(self) -> Handoff | None:
        """The handoff that is open now, if any."""
        return self.handoff if self.handoff is not None and self.handoff.is_open else None

    @property
    def recent(self) -> tuple[Message, ...]:
        """The last messages, those of this outcome included."""
        return (*self.before.recent, *self.messages)[-RECENT:]

    def say(self, said: Said) -> Message:
        """Add a message to the conversation and return it."""
        self.seq += 1
        self.cursor += 1
        message = Message(
            MessageId(f"m_{self.before.id}_{self.seq}"),
            self.before.id,
            self.seq,
            self.cursor,
            said.role,
            said.author,
            said.text,
            said.sent_at or self.at,
            said.attachments,
            edited_at=said.edited_at,
            post=said.post,
        )
        self.messages.append(message)
        if self.tells:
            self.deliver(TellMessage("message.created", message.seq, said.client_id))
        return message

    def amend(self, message: Message, text: str | None, files: tuple[Attachment, ...] = ()) -> None:
        """Change a message's text and files, or delete it when `text` is None."""
        self.cursor += 1
        new = replace(
            message,
            cursor=self.cursor,
            text=text or "",
            attachments=() if text is None else files,
            edited_at=message.edited_at if text == message.text else self.at,
            deleted=text is None,
        )
        self.amended.append(new)
        self.changes["recent"] = tuple(new if m.id == message.id else m for m in self.before.recent)
        if self.tells:
            self.deliver(TellMessage("message.updated", message.seq))

    def note(self, author: Author, text: str, post: PostRef | None) -> None:
        """Keep what a teammate said to teammates only."""
        note_id = MessageId(derive("n", self.before.id, self.key))
        self.notes.append(Note(note_id, self.before.id, author, text, self.at, post))

    def deliver(self, payload: Payload) -> Delivery:
        """Enqueue a delivery on the payload's lane and return it."""
        self.position += 1
        at_desk = leg_of(payload) in DESK_LEGS and self.handoff is not None
        # Begun with the time, so that new keys lie side by side in the database's index.
        delivery = Delivery(
            DeliveryId(f"d_{int(self.at * 1000):x}_{self.before.id}_{self.position}"),
            self.before.id,
            self.position,
            payload,
            self.at,
            desk=self.handoff.desk if at_desk and self.handoff else "",
            room=self.handoff.room if at_desk and self.handoff else "",
        )
        self.deliveries.append(delivery)
        return delivery

    def webhook(self, event: str, body: dict[str, object]) -> None:
        """Enqueue an outgoing webhook."""
        self.deliver(CallWebhook(event, body))

    def give_floor(self, floor: Floor) -> None:
        """Give the floor to somebody; the epoch grows when it really changes hands."""
        if floor is not self.floor:
            self.changes["floor"] = floor
            self.changes["epoch"] = self.epoch + 1

    def step(self, handoff: Handoff, step: Step, owner: Author | None = None) -> Handoff:
        """Advance the handoff and give the floor to whom the new state gives it.

        A change of owner grows the epoch too.
        """
        self.handoff = handoff.advance(step, self.at, owner)
        self.give_floor(FLOORS[self.handoff.state])
        return self.handoff

    def new_handoff(self, reason: Reason, desk: str, room: str) -> Handoff:
        """Begin the conversation's next handoff; people have the floor from now on."""
        number = self.handoff.number + 1 if self.handoff else 1
        handoff_id = handoff_id_of(self.before.id, number)
        self.handoff = Handoff(
            handoff_id,
            self.before.id,
            number,
            State.REQUESTED,
            desk,
            room,
            reason,
            self.at,
            self.at,
            self.seq,
        )
        self.record("escalated", handoff_id=handoff_id, trigger=reason.trigger, rule=reason.rule)
        self.give_floor(FLOORS[self.handoff.state])
        return self.handoff

    def replied(self, handoff: Handoff) -> None:
        """Remember when a teammate first answered the customer."""
        self.handoff = replace(handoff, replied_at=self.at)

    def change(self, **changes: object) -> None:
        """Change fields of the conversation."""
        self.changes.update(changes)

    def set_timer(self, timer: Timer, due_at: float | None) -> None:
        """Set or clear a timer."""
        self.timers[timer] = due_at

    def record(self, kind: str, **body: object) -> None:
        """Keep something worth knowing later."""
        self.records.append((kind, body))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be stored."""
        return self.handoff is self.before.handoff and not (
            self.changes
            or self.messages
            or self.amended
            or self.notes
            or self.deliveries
            or self.timers
            or self.records
            or self.cancelled
        )

    def conversation(self) -> Conversation:
        """Return the conversation as it is after the fact."""
        changes = self.changes
        if self.messages:
            recent = changes.get("recent", self.before.recent)
            changes["recent"] = (*recent, *self.messages)[-RECENT:]  # type: ignore[misc]
        before, change = self.before, changes.get
        # Written out because every fact passes here, and `replace` takes three times as long.
        return Conversation(
            before.id,
            change("customer", before.customer),  # type: ignore[arg-type]
            before.created_at,
            before.version + 1,
            change("floor", before.floor),  # type: ignore[arg-type]
            change("epoch", before.epoch),  # type: ignore[arg-type]
            self.seq,
            self.cursor,
            self.position,
            self.handoff,
            change("thread", before.thread),  # type: ignore[arg-type]
            change("mirrored_seq", before.mirrored_seq),  # type: ignore[arg-type]
            change("memory", before.memory),  # type: ignore[arg-type]
            change("recent", before.recent),  # type: ignore[arg-type]
            change("overtaken", before.overtaken),  # type: ignore[arg-type]
            change("shown", before.shown),  # type: ignore[arg-type]
            change("read", before.read),  # type: ignore[arg-type]
            change("marked", before.marked),  # type: ignore[arg-type]
            change("marking", before.marking),  # type: ignore[arg-type]
        )
