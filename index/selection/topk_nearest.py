"""Strategy `topk_nearest`: by cosine similarity, ties by id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from index.selection.query import ResolvedQuery
from index.selection.ranking import Ranked
from index.selection.searchable import Neighbours, Searchable

__all__ = ["TopkNearest"]


class TopkNearest:
    """Ranks the pool by similarity to each of a batch of queries."""

    def __init__(self, snapshot: Searchable, queries: Sequence[ResolvedQuery]) -> None:
        self._snapshot = snapshot
        self._vectors = np.stack([query.vector for query in queries])

    def together(self, allowed: Bool[np.ndarray, " size"], limit: int) -> list[Ranked]:
        """The nearest `limit` of `allowed` for every query, in one search."""
        return [self._ranked(found, limit) for found in self._snapshot.search(self._vectors, limit, allowed)]

    def alone(self, query: int, allowed: Bool[np.ndarray, " size"], limit: int) -> Ranked:
        """The nearest `limit` of `allowed` for one query of the batch."""
        (found,) = self._snapshot.search(self._vectors[query : query + 1], limit, allowed)
        return self._ranked(found, limit)

    def _ranked(self, found: Neighbours, limit: int) -> Ranked:
        ids = self._snapshot.ids[found.positions]
        keys = [(-score, id) for score, id in zip(found.scores.tolist(), ids.tolist(), strict=True)]
        return Ranked(found.positions, found.scores, keys, exhausted=len(keys) < limit)
