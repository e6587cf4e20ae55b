"""Which pool a job is about: another may get the name of one that was dropped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("pool_key", sa.String(32), nullable=True))
    if sa.inspect(op.get_bind()).has_table("pools"):  # of the index, which may not be there yet
        op.execute(
            "UPDATE jobs SET pool_key = (SELECT pools.key FROM pools"
            " WHERE pools.name = jobs.pool AND pools.created_at <= jobs.created_at)"
        )


def downgrade() -> None:
    with op.batch_alter_table("jobs") as batch:
        batch.drop_column("pool_key")
