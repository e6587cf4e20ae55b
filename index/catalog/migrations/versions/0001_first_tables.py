"""Pools, demonstrations, the vectors of the tail, and tombstones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_IDENTIFIER = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def _owned(table: str, *columns: sa.schema.SchemaItem, keys: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("pool_key", sa.String(32), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["pool_key"], ["pools.key"], name=f"fk_{table}_pool_key", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{table}"),
    )


def upgrade() -> None:
    op.create_table(
        "pools",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("encoder", sa.String(512), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("next_row", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_pools"),
        sa.UniqueConstraint("name", name="uq_pools_name"),
    )
    _owned(
        "demonstrations",
        sa.Column("id", _IDENTIFIER, nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("image_sha256", sa.String(64), nullable=False),
        sa.Column("label", sa.String(256), nullable=False),
        sa.Column("domain", sa.String(256), nullable=True),
        sa.Column("group", sa.String(256), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("pool_key", "row", name="uq_demonstrations_pool_key_row"),
        keys=("pool_key", "id"),
    )
    op.create_index("ix_demonstrations_pool_key_version", "demonstrations", ["pool_key", "version"])
    op.create_index("ix_demonstrations_image_sha256", "demonstrations", ["image_sha256"])
    _owned(
        "tail_vectors",
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        keys=("pool_key", "row"),
    )
    _owned(
        "tombstones",
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        keys=("pool_key", "row"),
    )
    op.create_index("ix_tombstones_pool_key_version", "tombstones", ["pool_key", "version"])


def downgrade() -> None:
    for table in ("tombstones", "tail_vectors", "demonstrations", "pools"):
        op.drop_table(table)
