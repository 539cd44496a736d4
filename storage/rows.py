"""The schema as SQLModel classes: what migrations create and what administration may query.

Rows and nothing but rows; the domain's values are elsewhere, and `mapping` goes between. What
holds JSON is plain text, so that both databases keep it byte for byte.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

# SQLite numbers rows by itself only in a column called exactly INTEGER.
_NUMBERED = BigInteger().with_variant(Integer(), "sqlite")


def _text(*, key: bool = False, optional: bool = False) -> Any:  # noqa: ANN401 (a field is declared as what it holds)
    return Field(sa_column=Column(Text, primary_key=key, nullable=optional))


def _number(*, key: bool = False) -> Any:  # noqa: ANN401
    column = Column(BigInteger, primary_key=key, nullable=False, autoincrement=False)
    return Field(sa_column=column)


def _moment(*, optional: bool = False) -> Any:  # noqa: ANN401
    return Field(sa_column=Column(Double, nullable=optional))


def _truth() -> Any:  # noqa: ANN401
    return Field(sa_column=Column(Boolean(create_constraint=False), nullable=False))


def _conversation(*, key: bool = False) -> Any:  # noqa: ANN401
    owner = ForeignKey("conversation.id", ondelete="CASCADE")
    return Field(sa_column=Column(Text, owner, primary_key=key, nullable=False))


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


class ConversationRow(SQLModel, table=True):
    """One conversation; `handoff_id` is its latest handoff's."""

    __tablename__: ClassVar[Any] = "conversation"

    id: str = _text(key=True)
    version: int = _number()
    created_at: float = _moment()
    floor: str = _text()
    epoch: int = _number()
    seq: int = _number()
    cursor: int = _number()
    position: int = _number()
    handoff_id: str | None = _text(optional=True)
    thread: str | None = _text(optional=True)
    mirrored_seq: int = _number()
    shown: int = _number()
    read: int = _number()
    marked_shown: int = _number()
    marked_read: int = _number()
    marking: bool = _truth()
    customer: str = _text()
    memory: str = _text()
    overtaken: str = _text()


class HandoffRow(SQLModel, table=True):
    """One passage to people."""

    __tablename__: ClassVar[Any] = "handoff"
    __table_args__ = (
        Index("ix_handoff_conversation", "conversation_id"),
        Index("ix_handoff_open", "requested_at", **_where("closed_at IS NULL")),
    )

    id: str = _text(key=True)
    conversation_id: str = _conversation()
    number: int = _number()
    state: str = _text()
    desk: str = _text()
    room: str = _text()
    reason: str = _text()
    requested_at: float = _moment()
    changed_at: float = _moment()
    from_seq: int = _number()
    owner: str | None = _text(optional=True)
    claimed_at: float | None = _moment(optional=True)
    replied_at: float | None = _moment(optional=True)
    closed_at: float | None = _moment(optional=True)
    reminders: int = _number()
    joined: str = _text()


class MessageRow(SQLModel, table=True):
    """One public message."""

    __tablename__: ClassVar[Any] = "message"
    __table_args__ = (
        Index("ix_message_moved", "conversation_id", "cursor", **_where("cursor <> seq")),
        Index("ix_message_post", "post", **_where("post IS NOT NULL")),
    )

    id: str = _text()
    conversation_id: str = _conversation(key=True)
    seq: int = _number(key=True)
    cursor: int = _number()
    role: str = _text()
    author_name: str = _text()
    author_avatar: str | None = _text(optional=True)
    author_ref: str | None = _text(optional=True)
    text: str = _text()
    sent_at: float = _moment()
    attachments: str = _text()
    edited_at: float | None = _moment(optional=True)
    deleted: bool = _truth()
    post: str | None = _text(optional=True)


class NoteRow(SQLModel, table=True):
    """What was said among teammates; never shown to a customer."""

    __tablename__: ClassVar[Any] = "note"
    __table_args__ = (Index("ix_note_conversation", "conversation_id"),)

    id: str = _text(key=True)
    conversation_id: str = _conversation()
    author_name: str = _text()
    author_avatar: str | None = _text(optional=True)
    author_ref: str | None = _text(optional=True)
    text: str = _text()
    sent_at: float = _moment()
    post: str | None = _text(optional=True)


class FactRow(SQLModel, table=True):
    """A fact that was taken; kept for good, also when its conversation is erased."""

    __tablename__: ClassVar[Any] = "fact"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = _text(key=True)
    conversation_id: str = _text()
    at: float = _moment()
    ref: str = _text()
    seq: int = _number()
    digest: str = _text()


class ThreadRow(SQLModel, table=True):
    """A desk's thread and the conversation it belongs to."""

    __tablename__: ClassVar[Any] = "thread"
    __table_args__ = (
        Index("ix_thread_conversation", "conversation_id"),
        {"sqlite_with_rowid": False},
    )

    ref: str = _text(key=True)
    conversation_id: str = _conversation()


_UNSETTLED = "progress IN ('queued', 'sending', 'dead')"


class DeliveryRow(SQLModel, table=True):
    """One piece of outgoing work. The database itself lets only one of a lane be on its way."""

    __tablename__: ClassVar[Any] = "delivery"
    __table_args__ = (
        Index(
            "ix_delivery_sending", "conversation_id", "leg",
            unique=True, **_where("progress = 'sending'"),
        ),
        Index(
            "ix_delivery_unsettled", "conversation_id", "position", **_where(_UNSETTLED)
        ),
        Index("ix_delivery_dead", "created_at", **_where("progress = 'dead'")),
    )  # fmt: skip

    id: str = _text(key=True)
    conversation_id: str = _conversation()
    leg: str = _text()
    position: int = _number()
    shard: int = _number()
    desk: str = _text()
    room: str = _text()
    kind: str = _text()
    payload: str = _text()
    created_at: float = _moment()
    progress: str = _text()
    attempts: int = _number()
    parts_done: int = _number()
    due_at: float = _moment()
    attempted_at: float | None = _moment(optional=True)
    error: str = _text()
    receipt: str | None = _text(optional=True)


class TimerRow(SQLModel, table=True):
    """What a conversation waits for."""

    __tablename__: ClassVar[Any] = "timer"
    __table_args__ = (Index("ix_timer_due", "due_at"),)

    conversation_id: str = _conversation(key=True)
    kind: str = _text(key=True)
    due_at: float = _moment()
    shard: int = _number()


class RecordRow(SQLModel, table=True):
    """A decision, a rating, an act: what statistics and reviews read."""

    __tablename__: ClassVar[Any] = "record"
    __table_args__ = (
        Index("ix_record_conversation", "conversation_id"),
        Index("ix_record_kind", "kind", "id"),
    )

    id: int | None = Field(sa_column=Column(_NUMBERED, primary_key=True, autoincrement=True))
    conversation_id: str = _text()
    at: float = _moment()
    kind: str = _text()
    body: str = _text()


class ShardRow(SQLModel, table=True):
    """A share of the outgoing work and who carries it; `epoch` grows with every new owner."""

    __tablename__: ClassVar[Any] = "shard"

    id: int = _number(key=True)
    owner: str | None = _text(optional=True)
    epoch: int = _number()
    until: float = _moment()


class InstanceRow(SQLModel, table=True):
    """A running program; `commits` counts what it stored, so that others notice a lost notice."""

    __tablename__: ClassVar[Any] = "instance"

    id: str = _text(key=True)
    host: str = _text()
    started_at: float = _moment()
    seen_at: float = _moment()
    commits: int = _number()


METADATA = SQLModel.metadata
