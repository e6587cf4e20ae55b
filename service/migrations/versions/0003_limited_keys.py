"""Keys that are limited to pools, that expire, and that have a successor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("pools", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(), nullable=True))
    op.add_column("api_keys", sa.Column("successor", sa.String(16), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_on", sa.Date(), nullable=True))


def downgrade() -> None:
    # A key that was limited to pools would be a key for all of them in a version that doesn't know limits.
    op.execute("DELETE FROM api_keys WHERE pools IS NOT NULL OR expires_at IS NOT NULL")
    for name in ("last_used_on", "successor", "expires_at", "pools"):
        op.drop_column("api_keys", name)
