"""What selection needs of a snapshot: exact search, vectors, and columns aligned with positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped

__all__ = ["Column", "KeyedColumns", "Neighbours", "Searchable"]


@runtime_checkable
class Column(Protocol):
    """A text column as codes into its distinct values; code −1 is a missing value."""

    @property
    def codes(self) -> Int32[np.ndarray, " size"]:
        """One code for each position."""

    @property
    def values(self) -> Sequence[str]:
        """The distinct values; code c stands for ``values[c]``."""


@runtime_checkable
class KeyedColumns(Protocol):
    """A column for each key that anybody asks for."""

    def at(self, key: str, positions: Int64[np.ndarray, " n"]) -> Column:
        """What a key says at some positions, as `index.metadata.comparable_text` has it."""


@runtime_checkable
class Neighbours(Protocol):
    """Positions and cosine similarities of one query's neighbours, best first, ties by id."""

    @property
    def positions(self) -> Int64[np.ndarray, " n"]:
        """Positions in the snapshot."""

    @property
    def scores(self) -> Float32[np.ndarray, " n"]:
        """Similarities, the same for a vector wherever it is stored and however many are searched at once."""


@runtime_checkable
class Searchable(Protocol):
    """An immutable pool of `size` positions, some of which may be dead (deleted or replaced)."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def size(self) -> int:
        """Number of positions, dead ones included."""

    @property
    def rows(self) -> Int64[np.ndarray, " size"]:
        """Row of each position: unlike the position it stays when segments are sealed or merged."""

    @property
    def alive(self) -> Bool[np.ndarray, " size"]:
        """Whether the position holds a demonstration."""

    @property
    def ids(self) -> Shaped[np.ndarray, " size"]:
        """Ids as Python strings."""

    @property
    def labels(self) -> Column:
        """Labels."""

    @property
    def domains(self) -> Column:
        """Domains."""

    @property
    def groups(self) -> Column:
        """Groups."""

    @property
    def sha256(self) -> Shaped[np.ndarray, " size"]:
        """Content hashes in hexadecimal, as ASCII bytes or strings."""

    @property
    def metadata(self) -> KeyedColumns:
        """Metadata."""

    def search(
        self,
        queries: Float32[np.ndarray, "batch dim"],
        limit: int | None,
        allowed: Bool[np.ndarray, " size"] | None,
    ) -> Sequence[Neighbours]:
        """The `limit` nearest living positions among `allowed` for each query; all of them for None. Exact."""

    def similarities(self, query: Float32[np.ndarray, " dim"]) -> Float32[np.ndarray, " size"]:
        """Cosine similarity of every position, dead ones included, to within 0.0005."""

    def vectors(self, positions: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
        """Stored vectors of the positions."""

    def position_of(self, id: str, /) -> int | None:
        """Position of a living demonstration, or None."""
