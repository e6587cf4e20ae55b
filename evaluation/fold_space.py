"""A fold's demonstrations in one space: what `index.selection.select` chooses from while evaluating.

Selections of an evaluation go through the same steps as those of the service, over the same columns; only what is
alive is the fold's pool, and the vectors may be those of an encoder that was adapted to this fold alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped

from encoders.adaptation.retrieval import nearest
from encoders.adaptation.watch import SILENT
from index.search import Neighbours
from index.selection.searchable import Column, KeyedColumns, Searchable

__all__ = ["FoldSpace"]


class FoldSpace:
    """A `Searchable` of some positions of a snapshot, in the space of given vectors; searched by looking at all.

    Once it was searched it holds its demonstrations in float64: 8 bytes a dimension and demonstration, 1 GB for 100,000
    at 1,280 dimensions.

    Args:
        snapshot: Of the pool: rows, ids, labels, domains, groups and hashes are its own.
        positions: (n,) of the demonstrations. A fold counts images from 0; where the snapshot has dead positions, these
            are ``np.flatnonzero(snapshot.alive)[fold.pool]``.
        vectors: (size, dim) float32, L2-normalised, of every position of the snapshot; those of dead ones aren't read.
            Queries are encoded alike.
        check: Called before each search; raises whatever shall end them.
    """

    def __init__(
        self,
        snapshot: Searchable,
        positions: Int64[np.ndarray, " n"],
        vectors: Float32[np.ndarray, "size dim"],
        check: Callable[[], None] = SILENT.check,
    ) -> None:
        self._snapshot, self._vectors, self._check = snapshot, vectors, check
        chosen = np.zeros(snapshot.size, dtype=np.bool_)
        chosen[positions] = True
        self._alive: Bool[np.ndarray, " size"] = chosen & snapshot.alive
        # In the order of ids, in which ties are settled.
        here = np.flatnonzero(self._alive)
        self._order: Int64[np.ndarray, " n"] = here[np.argsort(snapshot.ids[here].astype(str), kind="stable")]

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    @property
    def size(self) -> int:
        """Number of positions of the snapshot."""
        return self._snapshot.size

    @property
    def rows(self) -> Int64[np.ndarray, " size"]:
        """Row of each position: randomness hangs on it, so that draws are those of the service."""
        return self._snapshot.rows

    @property
    def alive(self) -> Bool[np.ndarray, " size"]:
        """Whether the position holds a demonstration of the fold."""
        return self._alive

    @property
    def ids(self) -> Shaped[np.ndarray, " size"]:
        """Ids."""
        return self._snapshot.ids

    @property
    def labels(self) -> Column:
        """Labels."""
        return self._snapshot.labels

    @property
    def domains(self) -> Column:
        """Domains."""
        return self._snapshot.domains

    @property
    def groups(self) -> Column:
        """Groups."""
        return self._snapshot.groups

    @property
    def sha256(self) -> Shaped[np.ndarray, " size"]:
        """Content hashes."""
        return self._snapshot.sha256

    @property
    def metadata(self) -> KeyedColumns:
        """Metadata."""
        return self._snapshot.metadata

    def similarities(self, query: Float32[np.ndarray, " dim"]) -> Float32[np.ndarray, " size"]:
        """Cosine similarity of every position, about."""
        similarities: Float32[np.ndarray, " size"] = self._vectors @ query
        return similarities

    def search(
        self,
        queries: Float32[np.ndarray, "batch dim"],
        limit: int | None,
        allowed: Bool[np.ndarray, " size"] | None,
    ) -> Sequence[Neighbours]:
        """The `limit` nearest of the fold among `allowed` for each query, best first, ties by id; all for None."""
        self._check()
        among = None if allowed is None else allowed[self._order]
        count = len(self._order) if among is None else int(np.count_nonzero(among))
        most = count if limit is None else min(limit, count)
        if most == 0:
            return [Neighbours(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
        found = nearest(queries, self._wide, most, among=None if count == len(self._order) else among)
        return [Neighbours(self._order[row], scores) for row, scores in zip(found.places, found.scores, strict=True)]

    @cached_property
    def _wide(self) -> Float64[np.ndarray, "n dim"]:
        """What is searched, cast once for all searches."""
        wide: Float64[np.ndarray, "n dim"] = self._vectors[self._order].astype(np.float64)
        return wide

    def vectors(self, positions: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
        """Vectors of the positions, whether or not they are the fold's."""
        vectors: Float32[np.ndarray, "n dim"] = self._vectors[positions]
        return vectors

    def position_of(self, id: str, /) -> int | None:
        """Position of a living demonstration of the snapshot: a query knows its own, which isn't the fold's."""
        return self._snapshot.position_of(id)
