"""Whether what the catalog says of a pool can be read and fits together: SQLite keeps no checksum of a row."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from index.catalog.demonstration_rows import read_columns
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, get_pool
from index.catalog.tables import demonstrations
from index.catalog.version_rows import all_versions

__all__ = ["UNREADABLE", "contradictions"]

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
"""What parsing an altered date, number, JSON or text raises."""


def contradictions(catalog: Catalog, pool: PoolRow) -> Iterator[str]:
    """What is wrong with the rows of a pool, each in one sentence; nothing where all is well.

    Raises:
        PoolNotFoundError: It was dropped meanwhile.
        CatalogUnavailableError: The database doesn't answer, or a text in it is none.
    """
    told = f"the catalog is damaged in the pool {pool.name!r}"
    d = demonstrations.c
    try:
        with catalog.reading() as connection:
            now = get_pool(connection, pool.key, pool.name)  # writes may have gone on since `pool` was read
            read_columns(connection, pool.key, since=0)
            last = select(func.max(d.version), func.max(d.row)).where(d.pool_key == pool.key)
            version, row = connection.execute(last).one()
            versions = all_versions(connection, pool.key)
    except UNREADABLE as error:
        yield f"{told}: {type(error).__name__}: {error}"
        return
    if (version or 0) > now.version or (-1 if row is None else row) >= now.next_row:
        yield f"{told}: its version or its next row is behind its demonstrations"
    firsts = [(each.encoder, each.fingerprint, each.dim) for each in versions[:1]]
    if firsts != [(pool.encoder, pool.fingerprint, pool.dim)]:
        yield f"{told}: it contradicts itself about the pool's encoder"
