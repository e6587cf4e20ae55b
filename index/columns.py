"""What is known about each position of a snapshot besides its vector, as immutable arrays side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32, Int64, Shaped

from index.column import Column, taken
from index.metadata_column import MetadataColumn

__all__ = ["Columns", "find_rows"]

_COLUMN = (Column, MetadataColumn)


@dataclass(frozen=True, eq=False)
class Columns:
    """Position-aligned arrays in ascending order of rows; dead positions hold blanks or what they last held.

    Attributes:
        rows: Row of each position; unlike the position it stays when segments are merged.
        alive: Whether the position holds a demonstration.
        ids: Python strings; empty where never known.
        labels: Labels.
        domains: Domains.
        groups: Groups.
        sha256: Content hashes, 64 hexadecimal digits as ASCII bytes.
        metadata: Metadata.
        media_types: Media types.
        sizes: Width and height of the image in pixels.
    """

    rows: Int64[np.ndarray, " size"]
    alive: Bool[np.ndarray, " size"]
    ids: Shaped[np.ndarray, " size"]
    labels: Column
    domains: Column
    groups: Column
    sha256: Shaped[np.ndarray, " size"]
    metadata: MetadataColumn
    media_types: Column
    sizes: Int32[np.ndarray, "size 2"]

    @classmethod
    def empty(cls) -> Columns:
        """No position at all."""
        blank = Column.of([])
        return cls(
            rows=np.empty(0, np.int64),
            alive=np.empty(0, np.bool_),
            ids=np.empty(0, object),
            labels=blank,
            domains=blank,
            groups=blank,
            sha256=np.empty(0, "S64"),
            metadata=MetadataColumn(np.empty(0, object)),
            media_types=blank,
            sizes=np.empty((0, 2), np.int32),
        )

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """Columns one behind the other; the rows must ascend throughout."""
        joined: dict[str, Any] = {}
        for name in (field.name for field in fields(cls)):
            each = [getattr(part, name) for part in parts]
            joined[name] = type(each[0]).joined(each) if isinstance(each[0], _COLUMN) else np.concatenate(each)
        return cls(**joined)

    @property
    def size(self) -> int:
        """Number of positions, dead ones included."""
        return len(self.rows)

    def aligned(self, rows: Int64[np.ndarray, " n"]) -> Columns:
        """These columns with one position for each of `rows`, which ascend; a row that wasn't here is dead."""
        if np.array_equal(rows, self.rows):
            return self
        sources = find_rows(self.rows, rows)
        return Columns(
            rows=rows,
            alive=taken(self.alive, sources, False),
            ids=taken(self.ids, sources, ""),
            labels=self.labels.taken(sources),
            domains=self.domains.taken(sources),
            groups=self.groups.taken(sources),
            sha256=taken(self.sha256, sources, b""),
            metadata=self.metadata.taken(sources),
            media_types=self.media_types.taken(sources),
            sizes=taken(self.sizes, sources, 0),
        )

    def overwritten(self, positions: Int64[np.ndarray, " n"], by: Columns) -> Columns:
        """These columns with the demonstrations of others at some positions; rows stay."""
        if len(positions) == 0:
            return self
        changed: dict[str, Any] = {}
        for name in (field.name for field in fields(self) if field.name != "rows"):
            mine, theirs = getattr(self, name), getattr(by, name)
            if isinstance(mine, _COLUMN):
                changed[name] = mine.overwritten(positions, theirs)
            else:
                copy = mine.copy()
                copy[positions] = theirs
                changed[name] = copy
        return replace(self, **changed)

    def without(self, positions: Int64[np.ndarray, " n"]) -> Columns:
        """These columns with some positions dead."""
        if len(positions) == 0:
            return self
        alive = self.alive.copy()
        alive[positions] = False
        return replace(self, alive=alive)


def find_rows(rows: Int64[np.ndarray, " size"], wanted: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Positions of the wanted rows among ascending rows, −1 for one that isn't there."""
    if len(rows) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    positions = np.searchsorted(rows, wanted)
    np.minimum(positions, len(rows) - 1, out=positions)
    return np.where(rows[positions] == wanted, positions, -1)
