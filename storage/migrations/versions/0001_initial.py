"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *constraints: SchemaItem, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, *constraints, nullable=optional)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


def _moment(name: str, *, optional: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=optional)


def _truth(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(create_constraint=False), nullable=False)


def _conversation() -> sa.Column[str]:
    return _text("conversation_id", sa.ForeignKey("conversation.id", ondelete="CASCADE"))


def _author() -> tuple[sa.Column[str], ...]:
    return (
        _text("author_name"),
        _text("author_avatar", optional=True),
        _text("author_ref", optional=True),
    )


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str = "") -> None:
    only = sa.text(where) if where else None
    op.create_index(
        name, table, list(columns), unique=unique, sqlite_where=only, postgresql_where=only
    )


def upgrade() -> None:
    """Make every table."""
    _make_conversations()
    _make_what_is_said()
    _make_facts()
    _make_work()
    _make_instances()


def _make_conversations() -> None:
    op.create_table(
        "conversation",
        _text("id"),
        _number("version"),
        _moment("created_at"),
        _text("floor"),
        _number("epoch"),
        _number("seq"),
        _number("cursor"),
        _number("position"),
        _text("handoff_id", optional=True),
        _text("thread", optional=True),
        _number("mirrored_seq"),
        _number("shown"),
        _number("read"),
        _number("marked_shown"),
        _number("marked_read"),
        _truth("marking"),
        _text("customer"),
        _text("memory"),
        _text("overtaken"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "handoff",
        _text("id"),
        _conversation(),
        _number("number"),
        _text("state"),
        _text("desk"),
        _text("room"),
        _text("reason"),
        _moment("requested_at"),
        _moment("changed_at"),
        _number("from_seq"),
        _text("owner", optional=True),
        _moment("claimed_at", optional=True),
        _moment("replied_at", optional=True),
        _moment("closed_at", optional=True),
        _number("reminders"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_handoff_conversation", "handoff", "conversation_id")
    _index("ix_handoff_open", "handoff", "requested_at", where="closed_at IS NULL")
    op.create_table(
        "thread",
        _text("ref"),
        _conversation(),
        sa.PrimaryKeyConstraint("ref"),
        sqlite_with_rowid=False,
    )
    _index("ix_thread_conversation", "thread", "conversation_id")


def _make_what_is_said() -> None:
    op.create_table(
        "message",
        _text("id"),
        _conversation(),
        _number("seq"),
        _number("cursor"),
        _text("role"),
        *_author(),
        _text("text"),
        _moment("sent_at"),
        _text("attachments"),
        _moment("edited_at", optional=True),
        _truth("deleted"),
        _text("post", optional=True),
        sa.PrimaryKeyConstraint("conversation_id", "seq"),
    )
    _index("ix_message_cursor", "message", "conversation_id", "cursor")
    _index("ix_message_post", "message", "post", where="post IS NOT NULL")
    op.create_table(
        "note",
        _text("id"),
        _conversation(),
        *_author(),
        _text("text"),
        _moment("sent_at"),
        _text("post", optional=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_note_conversation", "note", "conversation_id")


def _make_facts() -> None:
    op.create_table(
        "fact",
        _text("key"),
        _text("conversation_id"),
        _moment("at"),
        _text("ref"),
        _number("seq"),
        _text("digest"),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        _text("conversation_id"),
        _moment("at"),
        _text("kind"),
        _text("body"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_record_conversation", "record", "conversation_id")
    _index("ix_record_kind", "record", "kind", "id")


def _make_work() -> None:
    op.create_table(
        "delivery",
        _text("id"),
        _conversation(),
        _text("leg"),
        _number("position"),
        _number("shard"),
        _text("desk"),
        _text("room"),
        _text("kind"),
        _text("payload"),
        _moment("created_at"),
        _text("progress"),
        _number("attempts"),
        _number("parts_done"),
        _moment("due_at"),
        _moment("attempted_at", optional=True),
        _text("error"),
        _text("receipt", optional=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _index(
        "ix_delivery_sending",
        "delivery",
        "conversation_id",
        "leg",
        unique=True,
        where="progress = 'sending'",
    )
    _index(
        "ix_delivery_unsettled",
        "delivery",
        "conversation_id",
        "position",
        where="progress IN ('queued', 'sending', 'dead')",
    )
    _index("ix_delivery_dead", "delivery", "created_at", where="progress = 'dead'")
    op.create_table(
        "timer",
        _conversation(),
        _text("kind"),
        _moment("due_at"),
        _number("shard"),
        sa.PrimaryKeyConstraint("conversation_id", "kind"),
    )
    _index("ix_timer_due", "timer", "due_at")


def _make_instances() -> None:
    op.create_table(
        "shard",
        _number("id"),
        _text("owner", optional=True),
        _number("epoch"),
        _moment("until"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "instance",
        _text("id"),
        _text("host"),
        _moment("started_at"),
        _moment("seen_at"),
        _number("commits"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Take every table away, those that are referred to last."""
    for table in (
        "instance", "shard", "timer", "delivery", "record", "fact", "note", "message", "thread",
        "handoff", "conversation",
    ):  # fmt: skip
        op.drop_table(table)
