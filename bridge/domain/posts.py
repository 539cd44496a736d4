"""What stands at a desk, neutral of any platform: cards, posts, and changes to posts.

A desk's renderer turns these into its own shapes. All text in them may come from outside and is
the documented Markdown subset, never a platform's markup: the renderer escapes it.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.facts import Verb
from bridge.domain.handoff import State
from bridge.domain.ids import HandoffId
from bridge.domain.messages import Attachment, Role


class PostKind(StrEnum):
    """What a post is: a message relayed, a page of the transcript, or our own notice."""

    MESSAGE = "message"
    TRANSCRIPT = "transcript"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Entry:
    """One speaker's words in a transcript page; `at` in epoch seconds."""

    role: Role
    name: str
    at: float
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """One post to make in a thread.

    A MESSAGE has `role`, `name`, `text` and maybe one file; a TRANSCRIPT has `entries` and which
    page it is of how many; a NOTICE has `text`, and `loud` asks the desk to show it in the room
    too where it can.
    """

    kind: PostKind
    role: Role = Role.SYSTEM
    name: str = ""
    text: str = ""
    file: Attachment | None = None
    entries: tuple[Entry, ...] = ()
    page: int = 1
    pages: int = 1
    loud: bool = False


class Mark(StrEnum):
    """How far a relayed reply got, shown on it at the desk."""

    SHOWN = "shown"
    READ = "read"
    MAILED = "mailed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change to a post: new text (None deletes it), or only a mark."""

    text: str | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """The case card: the root of a thread, kept current by editing.

    `facts` are (label, value) lines in reading order; `reason` is the sentence that says which
    rule fired, `evidence` the customer's words that fired it; `tried` the assistant's last
    answers, shortest useful form; `verbs` the buttons that make sense now. `is_open` asks the
    desk to keep the root pinned.
    """

    handoff_id: HandoffId
    number: int
    state: State
    is_open: bool
    customer: str
    reason: str
    evidence: str
    summary: str
    urgency: str
    owner: str | None
    requested_at: float
    changed_at: float
    facts: tuple[tuple[str, str], ...] = ()
    tried: tuple[str, ...] = ()
    verbs: tuple[Verb, ...] = ()
