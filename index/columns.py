"""What is known about each position of a snapshot besides its vector, as immutable arrays side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32, Int64, Shaped

from index.demonstration import Metadata

__all__ = ["Column", "Columns", "find_rows"]

_NO_METADATA: Metadata = {}


@dataclass(frozen=True, eq=False)
class Column:
    """A text column as codes into its distinct values.

    Attributes:
        codes: (size,) int32; −1 is a missing value.
        values: The distinct values; code c stands for ``values[c]``. Some may be used by no position any more.
    """

    codes: Int32[np.ndarray, " size"]
    values: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> Column:
        """The column that holds these texts."""
        known: dict[str | None, int] = {None: -1}
        codes = [known.setdefault(text, len(known) - 1) for text in texts]
        return cls(np.array(codes, dtype=np.int32), tuple(text for text in known if text is not None))

    def value(self, position: int) -> str | None:
        """The text at a position, None where it is missing."""
        code = int(self.codes[position])
        return None if code < 0 else self.values[code]

    @classmethod
    def joined(cls, columns: Sequence[Column]) -> Column:
        """Columns one behind the other."""
        known: dict[str, int] = {}
        codes = [column._translated(known) for column in columns]
        return cls(np.concatenate(codes), tuple(known))

    def overwritten(self, positions: Int64[np.ndarray, " n"], by: Column) -> Column:
        """This column with other texts at some positions."""
        known: dict[str, int] = {}
        codes = self._translated(known).copy()
        codes[positions] = by._translated(known)
        return Column(codes, tuple(known))

    def _translated(self, known: dict[str, int]) -> Int32[np.ndarray, " size"]:
        if not known:
            known.update((value, code) for code, value in enumerate(self.values))
            return self.codes
        # A missing value is code −1, so the last entry of the table.
        table = [known.setdefault(value, len(known)) for value in self.values]
        codes: Int32[np.ndarray, " size"] = np.array([*table, -1], dtype=np.int32)[self.codes]
        return codes

    def taken(self, sources: Int64[np.ndarray, " n"]) -> Column:
        """This column at other positions; source −1 is a missing value."""
        return Column(_taken(self.codes, sources, -1), self.values)


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
        metadata: Mappings, shared where equal; never to be altered.
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
    metadata: Shaped[np.ndarray, " size"]
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
            metadata=np.empty(0, object),
            media_types=blank,
            sizes=np.empty((0, 2), np.int32),
        )

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """Columns one behind the other; the rows must ascend throughout."""
        joined: dict[str, Any] = {}
        for name in (field.name for field in fields(cls)):
            each = [getattr(part, name) for part in parts]
            joined[name] = Column.joined(each) if isinstance(each[0], Column) else np.concatenate(each)
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
            alive=_taken(self.alive, sources, False),
            ids=_taken(self.ids, sources, ""),
            labels=self.labels.taken(sources),
            domains=self.domains.taken(sources),
            groups=self.groups.taken(sources),
            sha256=_taken(self.sha256, sources, b""),
            metadata=_taken(self.metadata, sources, _NO_METADATA),
            media_types=self.media_types.taken(sources),
            sizes=_taken(self.sizes, sources, 0),
        )

    def overwritten(self, positions: Int64[np.ndarray, " n"], by: Columns) -> Columns:
        """These columns with the demonstrations of others at some positions; rows stay."""
        if len(positions) == 0:
            return self
        changed: dict[str, Any] = {}
        for name in (field.name for field in fields(self) if field.name != "rows"):
            mine, theirs = getattr(self, name), getattr(by, name)
            if isinstance(mine, Column):
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


def _taken(array: np.ndarray, sources: Int64[np.ndarray, " n"], blank: object) -> np.ndarray:
    taken = np.empty((len(sources), *array.shape[1:]), dtype=array.dtype)
    present = sources >= 0
    taken[present] = array[sources[present]]
    taken[~present] = blank
    return taken
