"""Nearest neighbours over segments and tail, ties by id, exact at any selectivity."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped

from index.inner_products import scores_of
from index.scan import scan_matrix
from index.segments import Segment
from index.tail import Tail

__all__ = ["Neighbours", "Sources"]

# Below this many allowed positions it is quicker to score each exactly than to find candidates first.
_FEW = 512
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Neighbours:
    """One query's neighbours, best first, ties by id.

    Attributes:
        positions: (n,) int64, in the snapshot.
        scores: (n,) float32, inner products with the query: cosine similarities, as vectors are normalised.
    """

    positions: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Sources:
    """Where a snapshot's vectors lie: position p is the p-th vector of all segments and then the tail."""

    segments: tuple[Segment, ...]
    tail: Tail

    @property
    def size(self) -> int:
        """Number of vectors."""
        return sum(segment.count for segment in self.segments) + self.tail.count

    def vectors(self, positions: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
        """A copy of the vectors at positions, in their order."""
        found = np.empty((len(positions), self.tail.matrix.shape[1]), dtype=np.float32)
        start = 0
        sources: list[Segment | Tail] = [*self.segments, self.tail]
        for source in sources:
            inside = (positions >= start) & (positions < start + source.count)
            if inside.any():
                found[inside] = source.vectors(positions[inside] - start)
            start += source.count
        return found

    def products(self, query: Float32[np.ndarray, " dim"]) -> Float32[np.ndarray, " size"]:
        """Inner product of every vector with a query, summed in float32."""
        matrices = [*(segment.matrix for segment in self.segments), self.tail.matrix]
        return np.concatenate([matrix @ query for matrix in matrices])

    def nearest(
        self,
        queries: Float32[np.ndarray, "batch dim"],
        limit: int | None,
        allowed: Bool[np.ndarray, " size"] | None,
        ids: Shaped[np.ndarray, " size"],
        *,
        exact: bool = True,
    ) -> list[Neighbours]:
        """The `limit` nearest among the allowed positions for each query; all of them for None.

        The scores are exact products rounded once, so a vector scores the same wherever it lies; FAISS and BLAS only
        propose candidates, and propose every vector that could be among the nearest within their rounding. Without
        `exact`, an approximate half of a segment may fail to propose one; there are as many neighbours all the same.
        """
        count = self.size if allowed is None else int(np.count_nonzero(allowed))
        if limit is None or count <= max(_FEW, limit):
            positions = np.arange(self.size) if allowed is None else np.flatnonzero(allowed)
            scores = self._scores(queries, positions)
            return [_ranked(positions, row, limit, ids) for row in scores]
        return [
            _ranked(positions, self._scores(query[np.newaxis], positions)[0], limit, ids)
            for query, positions in zip(queries, self._candidates(queries, limit, allowed, exact=exact), strict=True)
        ]

    def _scores(
        self, queries: Float32[np.ndarray, "batch dim"], positions: Int64[np.ndarray, " n"]
    ) -> Float32[np.ndarray, "batch n"]:
        scores = np.empty((len(queries), len(positions)), dtype=np.float32)
        for start in range(0, len(positions), _BLOCK):
            block = self.vectors(positions[start : start + _BLOCK])
            scores[:, start : start + _BLOCK] = scores_of(block, queries)
        return scores

    def _candidates(
        self,
        queries: Float32[np.ndarray, "batch dim"],
        limit: int,
        allowed: Bool[np.ndarray, " size"] | None,
        *,
        exact: bool,
    ) -> list[Int64[np.ndarray, " _"]]:
        found: list[list[Int64[np.ndarray, " _"]]] = [[] for _ in queries]
        start = 0
        for segment in self.segments:
            inside = None if allowed is None else allowed[start : start + segment.count]
            if inside is None or inside.any():
                find = segment.candidates if exact else segment.probable
                for mine, offsets in zip(found, find(queries, limit, inside), strict=True):
                    mine.append(offsets + start)
            start += segment.count
        inside = None if allowed is None else allowed[start:]
        tail = scan_matrix(self.tail.matrix, queries, limit, inside, self.tail.max_norm)
        return [np.concatenate([*mine, last + start]) for mine, last in zip(found, tail, strict=True)]


def _ranked(
    positions: Int64[np.ndarray, " n"],
    scores: Float32[np.ndarray, " n"],
    limit: int | None,
    ids: Shaped[np.ndarray, " size"],
) -> Neighbours:
    if limit is not None and len(scores) > limit:
        worst = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        kept = np.flatnonzero(scores >= worst)  # all that tie for the last places
        positions, scores = positions[kept], scores[kept]
    order = np.argsort(-scores, kind="stable")
    positions, scores = positions[order], scores[order]
    _settle_ties(positions, scores, ids)
    return Neighbours(positions[:limit], scores[:limit])


def _settle_ties(
    positions: Int64[np.ndarray, " n"], scores: Float32[np.ndarray, " n"], ids: Shaped[np.ndarray, " size"]
) -> None:
    changes = np.flatnonzero(np.diff(scores)) + 1
    if len(changes) >= len(scores) - 1:
        return
    for start, stop in pairwise([0, *changes.tolist(), len(scores)]):
        if stop - start > 1:
            tied = sorted(positions[start:stop].tolist(), key=ids.__getitem__)
            positions[start:stop] = tied
