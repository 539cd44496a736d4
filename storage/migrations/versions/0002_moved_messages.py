"""Only messages that an edit or a deletion has moved are indexed by cursor."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOVED = sa.text("cursor <> seq")


def upgrade() -> None:
    """Index the few instead of all."""
    op.create_index(
        "ix_message_moved",
        "message",
        ["conversation_id", "cursor"],
        sqlite_where=_MOVED,
        postgresql_where=_MOVED,
    )
    # Last, because nobody can read the table from here to the end of the transaction.
    op.drop_index("ix_message_cursor", "message")


def downgrade() -> None:
    """Index all of them again."""
    op.create_index("ix_message_cursor", "message", ["conversation_id", "cursor"])
    op.drop_index("ix_message_moved", "message")
