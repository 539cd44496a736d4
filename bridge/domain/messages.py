"""What is said in a conversation, and by whom.

A `Message` is always public: the customer sees it. What teammates say among themselves is a
`Note`, another type kept in another table, and no function turns one into the other.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.ids import ConversationId, FileId, MessageId, PostRef


class Role(StrEnum):
    """Who speaks in a conversation."""

    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    TEAMMATE = "teammate"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Author:
    """The name (and picture) a message is shown under; `ref` is the desk's opaque person id."""

    name: str
    avatar_url: str | None = None
    ref: str | None = None

    @property
    def who(self) -> str:
        """What tells this person from another: the desk's id, or the name where there is none."""
        return self.ref or self.name


@dataclass(frozen=True, slots=True)
class Attachment:
    """A stored file: media type as sniffed by us, size in bytes.

    `ref` is the desk's own id of a teammate's file; earlier versions did not keep it.
    """

    id: FileId
    name: str
    media_type: str
    size: int
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One public message.

    `seq` counts from 1 without gaps within the conversation; `cursor` grows with every change;
    `text` is the documented Markdown subset; times are epoch seconds. `post` is where a
    teammate's message stands at the desk, so that edits and marks find it.
    """

    id: MessageId
    conversation_id: ConversationId
    seq: int
    cursor: int
    role: Role
    author: Author
    text: str
    sent_at: float
    attachments: tuple[Attachment, ...] = ()
    edited_at: float | None = None
    deleted: bool = False
    post: PostRef | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What a teammate said to teammates only."""

    id: MessageId
    conversation_id: ConversationId
    author: Author
    text: str
    sent_at: float
    post: PostRef | None = None
