"""Outgoing work: what is to be carried, on which lane, and how far it got.

A lane is one conversation's way to one party (a leg). Only the head of a lane may be on its way.
A payload carries no address: where a thread stands is looked up when sending, because a message
may be stored before its thread exists.

Legs of the same desk do not wait for each other, so that a card is never stuck behind words, and
word of a parked lane still reaches the thread.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from bridge.domain.ids import ConversationId, DeliveryId, HandoffId, MessageId, PostRef, ThreadRef
from bridge.domain.messages import Attachment, Author, Role
from bridge.domain.policy.judge import Verdict


class Leg(StrEnum):
    """Which way a delivery goes. DESK: words; NOTICE: our lines; CARD; MARK: reactions."""

    DESK = "desk"
    NOTICE = "notice"
    CARD = "card"
    MARK = "mark"
    ASSISTANT = "assistant"
    WEBHOOK = "webhook"


DESK_LEGS = frozenset({Leg.DESK, Leg.NOTICE, Leg.CARD, Leg.MARK})


class Progress(StrEnum):
    """Where a delivery stands.

    SENDING is committed before the call leaves; a delivery found in that state after a crash may
    or may not have arrived. DEAD parks its lane until the operator retries or skips it.
    """

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


UNSETTLED = frozenset({Progress.QUEUED, Progress.SENDING, Progress.DEAD})


@dataclass(frozen=True, slots=True)
class OpenThread:
    """Open the thread of a handoff with its case card as root."""

    handoff_id: HandoffId


@dataclass(frozen=True, slots=True)
class PostTranscript:
    """Post the whole history from one seq to another, both included, under the root."""

    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Post one message of the conversation in the thread."""

    message_id: MessageId
    seq: int
    role: Role
    author: Author
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class PostNotice:
    """Post a line of our own for the teammates in the thread; `loud` may show it in the room."""

    text: str
    loud: bool = False


@dataclass(frozen=True, slots=True)
class RefreshCard:
    """Bring the case card up to date; the newest state is read when sending."""

    handoff_id: HandoffId


@dataclass(frozen=True, slots=True)
class MarkReplies:
    """Show on the relayed replies how far they got; the newest state is read when sending.

    `failed` is one that did not reach the customer, in whole or in part.
    """

    failed: PostRef | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the assistant to answer the customer's message `seq`, asked under `epoch`."""

    seq: int
    epoch: int
    retry: bool = False


@dataclass(frozen=True, slots=True)
class CallWebhook:
    """Tell an outside address about an event; `body` is the event's plain JSON."""

    event: str
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class TellMessage:
    """Tell an outside address of a message that is new or changed; how it stands is read when
    sending. `client_id` is a bot's own name for the message it put in.
    """

    event: str
    seq: int
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """What a row asks for that this version cannot read: given up on, so that people see it."""

    leg: Leg
    why: str


Payload = (
    OpenThread
    | PostTranscript
    | PostMessage
    | PostNotice
    | RefreshCard
    | MarkReplies
    | Ask
    | CallWebhook
    | TellMessage
    | Undecoded
)


LEGS: dict[type, Leg] = {
    OpenThread: Leg.DESK,
    PostTranscript: Leg.DESK,
    PostMessage: Leg.DESK,
    PostNotice: Leg.NOTICE,
    RefreshCard: Leg.CARD,
    MarkReplies: Leg.MARK,
    Ask: Leg.ASSISTANT,
    CallWebhook: Leg.WEBHOOK,
    TellMessage: Leg.WEBHOOK,
}
"""Which leg each payload travels on but `Undecoded`; a test holds it against `Payload`."""


def leg_of(payload: Payload) -> Leg:
    """Return the leg a payload travels on."""
    return payload.leg if isinstance(payload, Undecoded) else LEGS[type(payload)]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One piece of outgoing work.

    `position` orders a conversation's deliveries; `desk` and `room` are empty on legs that go
    elsewhere; `parts_done` counts the parts of a long delivery that surely arrived; `attempted_at`
    is when an attempt was marked of which nobody knows yet whether it arrived.
    """

    id: DeliveryId
    conversation_id: ConversationId
    position: int
    payload: Payload
    created_at: float
    desk: str = ""
    room: str = ""
    progress: Progress = Progress.QUEUED
    attempts: int = 0
    parts_done: int = 0
    due_at: float = 0.0
    attempted_at: float | None = None
    error: str = ""

    @property
    def leg(self) -> Leg:
        """The leg it travels on."""
        return LEGS.get(type(self.payload)) or leg_of(self.payload)

    @property
    def lane(self) -> tuple[ConversationId, Leg]:
        """The lane it waits in."""
        return self.conversation_id, LEGS.get(type(self.payload)) or leg_of(self.payload)

    def moved(self, progress: Progress, **changes: object) -> "Delivery":
        """Return the delivery with another progress."""
        if changes:
            return replace(self, progress=progress, **changes)  # type: ignore[arg-type]
        # Written out because every delivery passes here, and `replace` takes three times as long.
        return Delivery(
            self.id,
            self.conversation_id,
            self.position,
            self.payload,
            self.created_at,
            self.desk,
            self.room,
            progress,
            self.attempts,
            self.parts_done,
            self.due_at,
            self.attempted_at,
            self.error,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant said: text, and whether it gave up or asked for a person.

    `failed` is True when it could not help; `confidence` is 0..1 when it gave one; `escalate` is
    its own reason for wanting a person, with `summary` and `urgency`. `later` says that the answer
    comes by the bot API. `verdict` is what the judge, asked beside it, said of the talk.
    """

    text: str = ""
    failed: bool = False
    confidence: float | None = None
    escalate: str | None = None
    summary: str = ""
    urgency: str = "normal"
    name: str | None = None
    later: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a delivery: a new thread, the posts made, or the assistant's answer."""

    thread: ThreadRef | None = None
    posts: tuple[PostRef, ...] = ()
    answer: Answer | None = None
    marked: tuple[int, int] | None = None


NO_RECEIPT = Receipt()


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a delivery is tried.

    `delays` are the seconds before each further attempt (the last repeats), `attempts` the number
    of attempts after which a delivery is dead. With `waits_when_told` an attempt that the platform
    put off with its own Retry-After does not count. `lost` is the number of attempts, each stored
    before it began, that may end with the process; 0 is as many as `attempts`.
    """

    delays: tuple[float, ...] = field(default=(0.5, 1, 2, 5, 15, 60, 120, 240))
    attempts: int = 9
    waits_when_told: bool = True
    lost: int = 0

    @property
    def most_lost(self) -> int:
        """The number of attempts without any end after which a delivery is dead."""
        return self.lost or self.attempts

    def delay(self, attempts: int) -> float:
        """Return the seconds to wait after the attempt with this number, counted from 1."""
        return self.delays[min(attempts, len(self.delays)) - 1]
