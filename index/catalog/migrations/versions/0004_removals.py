"""What was deleted, until its files are gone: a death in between left images behind that nothing removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "freed_images",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_freed_images"),
    )
    op.create_table(
        "dropped_pools",
        sa.Column("key", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_dropped_pools"),
    )


def downgrade() -> None:
    op.drop_table("dropped_pools")
    op.drop_table("freed_images")
