"""Everything that can happen, in the past tense.

A fact has a `key` under which it is taken once and for good, and `at`, epoch seconds when the
adapter took it in. A fact finds its conversation by id or, from a desk, by thread.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bridge.domain.conversation import Customer
from bridge.domain.delivery import Delivery, Receipt
from bridge.domain.ids import ConversationId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Attachment, Author


class Verb(StrEnum):
    """What a teammate can do to a handoff from the desk."""

    CLAIM = "claim"
    RELEASE = "release"
    ASSIGN = "assign"
    RESOLVE = "resolve"
    RETURN = "return"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Of:
    """What all facts share; `conversation_id` is empty when the thread or handoff tells it."""

    key: str
    at: float
    conversation_id: ConversationId = ConversationId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(_Of):
    """A customer opened the widget; the first time makes the conversation.

    What is None in `customer` leaves the known value alone.
    """

    customer: Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWrote(_Of):
    """The customer wrote. `digest` tells two bodies under one client id apart."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAsked(_Of):
    """A person was asked for outside the words: by the widget's button, the API or a bot.

    `source` is `button`, `api` or `bot`; an empty desk or room means the default one.
    """

    source: str
    reason: str = ""
    summary: str = ""
    evidence: str = ""
    urgency: str = "normal"
    desk: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantWanted(_Of):
    """The customer (or the bot API) goes back to the assistant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSaw(_Of):
    """The customer's page displayed everything up to `shown`; the customer read up to `read`."""

    shown: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRated(_Of):
    """The customer rated the talk; `about` is teammate or assistant, `score` 1 to 5."""

    about: str
    score: int
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotWrote(_Of):
    """An outside bot put a message in: the customer's words, or an answer under `epoch`.

    `role` is `customer` or `assistant`, `client_id` the bot's own name for the message. What is
    `past` was said before the bot came here, at `sent_at` if known: it is kept and shown, but
    calls nobody.
    """

    role: str
    text: str
    epoch: int | None = None
    digest: str = ""
    name: str | None = None
    past: bool = False
    sent_at: float | None = None
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeammateWrote(_Of):
    """A teammate wrote in a thread; `note` is True for words meant for teammates only."""

    thread: ThreadRef
    post: PostRef
    author: Author
    text: str
    attachments: tuple[Attachment, ...] = ()
    note: bool = False
    sent_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeammateAmended(_Of):
    """A teammate edited a post, or deleted it (`text` is None); `note`: the edit made it a note.

    `files` are the desk's ids of the files that still stand on it, None where that is not told;
    `at` is from when its words are.
    """

    thread: ThreadRef
    post: PostRef
    text: str | None
    note: bool = False
    files: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeammateActed(_Of):
    """A teammate used a verb, in a thread or on a handoff; `target` is whom to assign to."""

    verb: Verb
    author: Author
    thread: ThreadRef | None = None
    handoff_id: HandoffId | None = None
    target: Author | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFailed(_Of):
    """A file of a teammate's could not be taken; both sides are told."""

    thread: ThreadRef
    post: PostRef
    name: str
    why: str


FILE_FAILED = "file_failed"
"""The kind of record that is kept of it, with the post that bears the warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(_Of):
    """A delivery arrived; `merged` are the later ones of its lane that went in the same post."""

    delivery: Delivery
    receipt: Receipt
    merged: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeliverable(_Of):
    """A delivery was given up; `lost_thread` when the thread itself is gone.

    `probe` when it was tried again though nobody asked: that it was given up on is known.
    """

    delivery: Delivery
    why: str
    lost_thread: bool = False
    probe: bool = False


End = Delivered | Undeliverable
# Beside the union a tuple: a check of each fact against a union takes several times as long.
ENDS = (Delivered, Undeliverable)


class Timer(StrEnum):
    """What a conversation may be waiting for; at most one timer of each kind is set."""

    NOBODY_CAME = "nobody_came"
    NOBODY_SPOKE = "nobody_spoke"
    ASSISTANT_SILENT = "assistant_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerRang(_Of):
    """A timer came due; `due_at` tells it from an earlier setting of the same kind."""

    timer: Timer
    due_at: float


Fact = (
    SessionOpened
    | CustomerWrote
    | PersonAsked
    | AssistantWanted
    | CustomerSaw
    | CustomerRated
    | BotWrote
    | TeammateWrote
    | TeammateAmended
    | TeammateActed
    | FileFailed
    | Delivered
    | Undeliverable
    | TimerRang
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The fact was stored. `ref` is what it made (a message or handoff id), `seq` its place."""

    ref: str = ""
    seq: int = 0
    floor: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The fact had been taken before; `ref`, `seq` and `digest` are of the first time."""

    ref: str = ""
    seq: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """The fact cannot be taken; nothing changed.

    `why` is a sentence a person can read; `code` a word for programs: `unknown`, `stale`,
    `closed`, `not_allowed`, `internal`.
    """

    code: str
    why: str
    detail: dict[str, object] = field(default_factory=dict)


Verdict = Taken | Duplicate | Declined
