"""A name for the catalog itself, which replicas and their broker know it by."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "catalog_identity",
        sa.Column("id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_identity"),
    )
    op.bulk_insert(made, [{"id": uuid.uuid4().hex}])


def downgrade() -> None:
    op.drop_table("catalog_identity")
