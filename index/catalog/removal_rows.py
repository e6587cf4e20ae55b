"""Statements on what committed writes have freed: it is written down with them, until its files are gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select

from index.catalog.tables import demonstrations, dropped_folders, freed_images

__all__ = [
    "WHOLE_POOL",
    "Dropped",
    "drop_folders",
    "dropped",
    "forget_dropped",
    "forget_freed",
    "free",
    "free_all_of",
    "freed",
]

WHOLE_POOL = 0
"""Stands for all encoder versions of a pool; their numbers begin with 1."""

_sha256 = freed_images.c.sha256
_d = dropped_folders.c
_AT_ONCE = 500  # below the number of parameters that any database takes


class Dropped(NamedTuple):
    """A pool that was dropped, or an encoder version that was discarded.

    Attributes:
        key: Of the pool.
        number: Of the version, or `WHOLE_POOL`.
        at: When, in UTC, without a zone.
    """

    key: str
    number: int
    at: datetime


def free(connection: Connection, hashes: Collection[str]) -> None:
    """Write down images that a demonstration has ceased to use; others may use them still."""
    ordered = sorted(hashes)
    for start in range(0, len(ordered), _AT_ONCE):
        some = ordered[start : start + _AT_ONCE]
        known = set(connection.execute(select(_sha256).where(_sha256.in_(some))).scalars())
        new = [{"sha256": sha256} for sha256 in some if sha256 not in known]
        if new:
            connection.execute(insert(freed_images), new)


def free_all_of(connection: Connection, key: str) -> None:
    """Write down all images that a pool uses."""
    image = demonstrations.c.image_sha256
    # Not NOT IN: PostgreSQL would compare each with each.
    new = select(image).where(demonstrations.c.pool_key == key, ~exists().where(_sha256 == image)).distinct()
    connection.execute(insert(freed_images).from_select(["sha256"], new))


def freed(connection: Connection, limit: int | None = None, *, after: str = "") -> list[str]:
    """Content hashes of images that were freed, ascending, behind one."""
    return list(connection.execute(select(_sha256).where(_sha256 > after).order_by(_sha256).limit(limit)).scalars())


def forget_freed(connection: Connection, hashes: Collection[str]) -> None:
    """Forget images that were removed, or that a demonstration uses."""
    ordered = sorted(hashes)
    for start in range(0, len(ordered), _AT_ONCE):
        connection.execute(delete(freed_images).where(_sha256.in_(ordered[start : start + _AT_ONCE])))


def drop_folders(connection: Connection, key: str, number: int = WHOLE_POOL) -> None:
    """Write down folders that are to be removed; twice is once."""
    connection.execute(delete(dropped_folders).where(_d.pool_key == key, _d.number == number))
    connection.execute(
        insert(dropped_folders).values(pool_key=key, number=number, dropped_at=datetime.now(UTC).replace(tzinfo=None))
    )


def dropped(connection: Connection) -> list[Dropped]:
    """What was dropped lately."""
    statement = select(_d.pool_key, _d.number, _d.dropped_at).order_by(_d.pool_key, _d.number)
    return [Dropped(*found) for found in connection.execute(statement)]


def forget_dropped(connection: Connection, before: datetime) -> None:
    """Forget what was dropped before a time."""
    connection.execute(delete(dropped_folders).where(_d.dropped_at < before))
