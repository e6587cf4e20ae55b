"""Statements on the table of pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from index.catalog.engine import Catalog
from index.catalog.removal_rows import drop_folders, free_all_of
from index.catalog.tables import pools
from index.encoder_version import FROZEN
from invariantselect.errors import EncoderVersionInUseError, PoolExistsError, PoolNotFoundError

__all__ = [
    "PoolRow",
    "add_pool",
    "advance",
    "all_pools",
    "check_not_a_base",
    "find_pool",
    "get_pool",
    "pool_versions",
    "present_version",
    "remove_pool",
]


@dataclass(frozen=True)
class PoolRow:
    """A pool as the catalog has it.

    Attributes:
        key: Names its folder; never used again.
        name: As people call it.
        encoder: Name of the encoder in whose space it is searched.
        fingerprint: Of that encoder.
        dim: Length of a vector.
        version: One more with each write.
        next_row: The row that the next new image gets.
        created_at: In UTC.
        next_number: The number that the next encoder version gets.
    """

    key: str
    name: str
    encoder: str
    fingerprint: str
    dim: int
    version: int
    next_row: int
    created_at: datetime
    next_number: int = FROZEN + 1


def add_pool(connection: Connection, row: PoolRow) -> None:
    """Add a pool.

    Raises:
        PoolExistsError: Its name is taken.
    """
    values = {**vars(row), "created_at": row.created_at.astimezone(UTC).replace(tzinfo=None)}
    try:
        connection.execute(insert(pools), values)
    except IntegrityError as error:
        raise PoolExistsError(f"there is a pool named {row.name!r} already", pool=row.name) from error


def find_pool(connection: Connection, name: str) -> PoolRow:
    """The pool with a name.

    Raises:
        PoolNotFoundError: There is none.
    """
    found = connection.execute(select(pools).where(pools.c.name == name)).one_or_none()
    if found is None:
        raise PoolNotFoundError(f"there is no pool named {name!r}", pool=name)
    return _pool(found._asdict())


def get_pool(connection: Connection, key: str, name: str) -> PoolRow:
    """The pool with a key; `name` is for the person who reads the error.

    Raises:
        PoolNotFoundError: It was dropped.
    """
    found = connection.execute(select(pools).where(pools.c.key == key)).one_or_none()
    if found is None:
        raise PoolNotFoundError(f"the pool {name!r} was dropped", pool=name)
    return _pool(found._asdict())


def present_version(catalog: Catalog, key: str, name: str) -> int:
    """The version of the pool with a key, quickly; `name` is for the person who reads the error.

    Raises:
        PoolNotFoundError: It was dropped.
        CatalogUnavailableError: The database doesn't answer.
    """
    version = catalog.version_of(key)
    if version is None:
        raise PoolNotFoundError(f"the pool {name!r} was dropped", pool=name)
    return version


def all_pools(connection: Connection) -> list[PoolRow]:
    """All pools, by name."""
    found = [_pool(row._asdict()) for row in connection.execute(select(pools))]
    return sorted(found, key=lambda pool: pool.name)  # databases have orders of their own


def pool_versions(connection: Connection) -> dict[str, int]:
    """The present version of each pool, by key."""
    return {row.key: row.version for row in connection.execute(select(pools.c.key, pools.c.version))}


def advance(connection: Connection, key: str, *, version: int, next_row: int) -> None:
    """Record that a write took place."""
    connection.execute(update(pools).where(pools.c.key == key).values(version=version, next_row=next_row))


def check_not_a_base(connection: Connection, key: str, name: str, number: int | None = None) -> None:
    """See that no other pool was made with an encoder that was adapted to a pool, or with one version of them.

    Raises:
        EncoderVersionInUseError: One was.
    """
    made = (
        pools.c.encoder.startswith(f"{key}/", autoescape=True)
        if number is None
        else pools.c.encoder == f"{key}/{number}"
    )
    other = connection.execute(select(pools.c.name).where(made).order_by(pools.c.name).limit(1)).scalar()
    if other is not None:
        raise EncoderVersionInUseError(
            f"the pool {other!r} was made with an encoder that was adapted to the pool {name!r}",
            hint=f"Drop {other!r} first, or keep this.",
        )


def remove_pool(connection: Connection, key: str) -> None:
    """Remove a pool with everything in it, and write down what that frees."""
    free_all_of(connection, key)
    drop_folders(connection, key)
    connection.execute(delete(pools).where(pools.c.key == key))


def _pool(values: Mapping[str, Any]) -> PoolRow:
    return PoolRow(**{**values, "created_at": values["created_at"].replace(tzinfo=UTC)})
