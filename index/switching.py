"""Letting an encoder version serve: the last few are encoded while writes wait, then all is one commit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from index.catalog.changes import add_to_tail
from index.catalog.engine import Catalog
from index.catalog.pool_rows import advance, get_pool
from index.catalog.version_rows import find_version, make_serving
from index.filling import Filling, lacking_positions
from index.manifest import write_manifest
from index.sealing import exclusive
from index.tail import Part

__all__ = ["serve_frozen", "take_over"]

_ROWS_AT_ONCE = 64


def take_over(catalog: Catalog, filling: Filling, pool_name: str, *, most: int) -> bool:
    """Let a filled version serve, and retire the one that did.

    The write lock is held from looking what is lacking to the commit, so every demonstration has its vector then.
    Readers aren't touched: their transactions and snapshots show the pool as it was.

    Args:
        catalog: Where the pool is kept.
        filling: Of the version.
        pool_name: Of the pool, for the reader of an error.
        most: How many demonstrations may be encoded while writes wait.

    Returns:
        Whether that happened; False where more than `most` were lacking, and nothing was changed.
    """
    space = filling.space
    with exclusive(space.folder, wait=True), catalog.writing() as connection:
        pool = get_pool(connection, space.key, pool_name)
        if find_version(connection, space.key, space.number, pool=pool_name).state == "serving":
            return True
        snapshot = filling.frozen()  # of this very version: nobody else can write now
        manifest = filling.manifest(snapshot, thorough=False)
        lacking = lacking_positions(snapshot, manifest)
        if len(lacking) > most:
            return False
        some = [lacking[start : start + _ROWS_AT_ONCE] for start in range(0, len(lacking), _ROWS_AT_ONCE)]
        parts: list[Part] = [filling.encoded(snapshot, positions) for positions in some]
        # Whoever saw this version when it served before has missed tombstones since, and reads everything again.
        now = pool.version + 1
        manifest = replace(manifest, generation=manifest.generation + 1, version=now, purged_version=now)
        write_manifest(space.folder, manifest)
        for rows, vectors in parts:
            add_to_tail(connection, space.key, space.number, rows, np.asarray(vectors))
        make_serving(connection, space.key, space.number)
        advance(connection, space.key, version=now, next_row=pool.next_row)
    return True


def serve_frozen(catalog: Catalog, key: str, pool_name: str, number: int) -> None:
    """Let no adapted version serve any more.

    Args:
        catalog: Where the pool is kept.
        key: Of the pool.
        pool_name: Of the pool, for the reader of an error.
        number: Of version 1.
    """
    with catalog.writing() as connection:
        pool = get_pool(connection, key, pool_name)
        make_serving(connection, key, number)
        advance(connection, key, version=pool.version + 1, next_row=pool.next_row)
