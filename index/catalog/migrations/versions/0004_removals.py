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
        "dropped_folders",
        sa.Column("pool_key", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("dropped_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pool_key", "number", name="pk_dropped_folders"),
    )


def downgrade() -> None:
    op.drop_table("dropped_folders")
    op.drop_table("freed_images")
