"""Several encoder versions a pool: the encoder it was made with becomes number 1, and owns the vectors there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "encoder_versions",
        sa.Column("pool_key", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("encoder", sa.String(512), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("looks_at_domains", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["pool_key"], ["pools.key"], name="fk_encoder_versions_pool_key", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pool_key", "number", name="pk_encoder_versions"),
    )
    op.execute(
        "INSERT INTO encoder_versions (pool_key, number, encoder, fingerprint, dim, looks_at_domains, state, lineage,"
        " created_at) SELECT key, 1, encoder, fingerprint, dim, false, 'frozen', '{}', created_at FROM pools"
    )
    # Added in place: SQLite makes other changes by way of a new table, and dropping the old one would cascade.
    op.add_column("pools", sa.Column("next_number", sa.Integer(), nullable=False, server_default="2"))
    with op.batch_alter_table("tail_vectors") as tail:
        tail.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="1"))
        tail.drop_constraint("pk_tail_vectors", type_="primary")
        tail.create_primary_key("pk_tail_vectors", ["pool_key", "row", "number"])
    with op.batch_alter_table("tail_vectors") as tail:
        tail.alter_column("number", server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM tail_vectors WHERE number <> 1")
    with op.batch_alter_table("tail_vectors") as tail:
        tail.drop_constraint("pk_tail_vectors", type_="primary")
        tail.drop_column("number")
        tail.create_primary_key("pk_tail_vectors", ["pool_key", "row"])
    op.drop_column("pools", "next_number")
    op.drop_table("encoder_versions")
