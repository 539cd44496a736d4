"""A handoff remembers of which teammates the customer was told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin with nobody: who has an open handoff is told of once more at most."""
    op.add_column("handoff", sa.Column("joined", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("handoff", "joined")
