"""The vectors that a space has, to be put into a new segment as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
from sqlalchemy import Connection

from index.catalog.demonstration_rows import living_rows, read_tail
from index.sealing import living_parts
from index.segments import open_segment
from index.space import Space
from index.tail import Part
from invariantselect.errors import StoreCorruptError

__all__ = ["LOST", "kept"]

LOST = "Rebuild without keeping vectors: they are made anew from the images."
"""What to do about vectors that are lost."""


def kept(connection: Connection, space: Space, name: str) -> tuple[Iterator[Part], int]:
    """Rows and vectors of all demonstrations, ascending, and how many there are. The caller holds the space's folder.

    Args:
        connection: Reads the catalog; it is not needed any more when the vectors are asked for.
        space: Whose vectors.
        name: Of the pool, for the reader of an error.

    Raises:
        StoreCorruptError: A vector is lost. From the iterator: a segment was altered.
    """
    manifest = space.manifest()
    living = living_rows(connection, space.key)
    tail = list(read_tail(connection, space, after=manifest.sealed_through))
    try:
        # Of an approximate half nothing is kept, so it may be damaged.
        flat = [replace(entry, kind="flat", proposer=None) for entry in manifest.segments]
        segments = [open_segment(space.folder, entry, space.dim) for entry in flat]
    except FileNotFoundError as error:
        raise StoreCorruptError(f"the file {error.filename or error} is missing", hint=LOST) from error
    alive = [np.isin(segment.rows, living, assume_unique=True) for segment in segments]
    found = sum(int(np.count_nonzero(mask)) for mask in alive) + sum(len(rows) for rows, _ in tail)
    if found != len(living):
        raise StoreCorruptError(f"{len(living) - found} vectors of the pool {name!r} are lost", hint=LOST)
    sealed = (living_parts(space.folder, *each) for each in zip(segments, alive, strict=True))
    return chain(chain.from_iterable(sealed), tail), found
