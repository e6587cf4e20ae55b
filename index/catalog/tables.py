"""The tables. What each column means is said here, once; migrations bring a database to this shape.

Everything is portable SQL. Ids compare by code point on every database, as Python compares them, so that a page, a
tie and a sorted list agree.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "demonstrations",
    "dropped_folders",
    "encoder_versions",
    "freed_images",
    "identity",
    "metadata",
    "pools",
    "tail_vectors",
    "tombstones",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Identifier = String(512).with_variant(String(512, collation="C"), "postgresql")
_Key = String(32)


def _owner() -> Column[str]:
    return Column("pool_key", _Key, ForeignKey("pools.key", ondelete="CASCADE"), nullable=False)


identity = Table(  # one row: what tells this catalog from all others
    "catalog_identity",
    metadata,
    Column("id", _Key, primary_key=True),
)

pools = Table(
    "pools",
    metadata,
    Column("key", _Key, primary_key=True),  # names the pool's folder; a pool dropped and made again gets a new one
    Column("name", String(64), nullable=False),
    Column("encoder", String(512), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("dim", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),  # one more with each write transaction: the snapshot's number
    Column("next_row", BigInteger, nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("next_number", Integer, nullable=False, server_default="2"),  # of the next encoder version
    UniqueConstraint("name"),
)

encoder_versions = Table(  # number 1 is the encoder that the pool was made with
    "encoder_versions",
    metadata,
    _owner(),
    Column("number", Integer, nullable=False),
    Column("encoder", String(512), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("dim", Integer, nullable=False),
    Column("looks_at_domains", Boolean, nullable=False),  # whether a vector depends on its demonstration's domain
    Column("state", String(16), nullable=False),  # frozen (number 1), candidate, serving (at most one), retired
    Column("lineage", Text, nullable=False),  # JSON: where it comes from
    Column("created_at", DateTime, nullable=False),  # UTC
    PrimaryKeyConstraint("pool_key", "number"),
)

demonstrations = Table(
    "demonstrations",
    metadata,
    _owner(),
    Column("id", _Identifier, nullable=False),
    Column("row", BigInteger, nullable=False),  # given anew with each new image, so a row's vectors never change
    Column("image_sha256", String(64), nullable=False),
    Column("label", String(256), nullable=False),
    Column("domain", String(256)),
    Column("group", String(256)),
    Column("metadata", Text, nullable=False),  # canonical JSON: equal metadata is equal text
    Column("media_type", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),  # of the pool, when this was last written
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("updated_at", DateTime, nullable=False),  # UTC
    PrimaryKeyConstraint("pool_key", "id"),
    UniqueConstraint("pool_key", "row"),
    Index(None, "pool_key", "version"),
    Index(None, "image_sha256"),
)

tail_vectors = Table(  # of demonstrations that are in no sealed segment of an encoder version yet
    "tail_vectors",
    metadata,
    _owner(),
    Column("row", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),  # of the encoder version
    Column("vector", LargeBinary, nullable=False),  # as `index.catalog.tail_bytes` writes it
    PrimaryKeyConstraint("pool_key", "row", "number"),
)

tombstones = Table(  # rows deleted or replaced, so that a reader learns of them without reading everything again
    "tombstones",
    metadata,
    _owner(),
    Column("row", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),  # of the pool, when the row died
    PrimaryKeyConstraint("pool_key", "row"),
    Index(None, "pool_key", "version"),
)

freed_images = Table(  # that a demonstration has ceased to use; until they are removed, or seen to be used by others
    "freed_images",
    metadata,
    Column("sha256", String(64), primary_key=True),
)

dropped_folders = Table(  # of pools that were dropped and encoder versions that were discarded, for some days
    "dropped_folders",
    metadata,
    Column("pool_key", _Key, nullable=False),
    Column("number", Integer, nullable=False),  # of the encoder version; 0 for the whole pool
    Column("dropped_at", DateTime, nullable=False),  # UTC
    PrimaryKeyConstraint("pool_key", "number"),
)
