"""Statements on what committed writes have freed: it is written down with them, until its files are gone."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from index.catalog.tables import demonstrations, dropped_pools, freed_images

__all__ = ["dropped_keys", "forget_dropped", "forget_freed", "free", "free_all_of", "freed", "tell_dropped"]

_sha256 = freed_images.c.sha256
_AT_ONCE = 500  # below the number of parameters that any database takes


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
    used = select(demonstrations.c.image_sha256).where(
        demonstrations.c.pool_key == key, demonstrations.c.image_sha256.not_in(select(_sha256))
    )
    connection.execute(insert(freed_images).from_select(["sha256"], used.distinct()))


def freed(connection: Connection, limit: int) -> list[str]:
    """Content hashes of some images that were freed; none where none is left."""
    return list(connection.execute(select(_sha256).order_by(_sha256).limit(limit)).scalars())


def forget_freed(connection: Connection, hashes: Collection[str]) -> None:
    """Forget images that were removed, or that a demonstration uses."""
    ordered = sorted(hashes)
    for start in range(0, len(ordered), _AT_ONCE):
        connection.execute(delete(freed_images).where(_sha256.in_(ordered[start : start + _AT_ONCE])))


def tell_dropped(connection: Connection, key: str) -> None:
    """Write down a pool whose folders are to be removed."""
    connection.execute(insert(dropped_pools).values(key=key))


def dropped_keys(connection: Connection) -> list[str]:
    """Keys of pools whose folders are to be removed."""
    return list(connection.execute(select(dropped_pools.c.key).order_by(dropped_pools.c.key)).scalars())


def forget_dropped(connection: Connection, key: str) -> None:
    """Forget a pool whose folders are gone."""
    connection.execute(delete(dropped_pools).where(dropped_pools.c.key == key))
