"""Strategy `random`: an order drawn from the seed, the query and the row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from index.inner_products import rowwise_products
from index.selection.query import ResolvedQuery
from index.selection.ranking import Ranked
from index.selection.searchable import Searchable

__all__ = ["SeededRandom", "draw"]

_GAMMA = 0x9E3779B97F4A7C15
_BITS = 2**64 - 1


class SeededRandom:
    """Ranks the pool at random for each of a batch of queries.

    The draw hangs on rows, which stay with their image when segments are sealed, and not on positions.
    """

    def __init__(self, snapshot: Searchable, queries: Sequence[ResolvedQuery], seed: int) -> None:
        self._snapshot = snapshot
        self._queries = queries
        self._seed = seed

    def together(self, allowed: Bool[np.ndarray, " size"], limit: int) -> list[Ranked]:
        """The first `limit` of `allowed` in each query's own order."""
        return [self.alone(query, allowed, limit) for query in range(len(self._queries))]

    def alone(self, query: int, allowed: Bool[np.ndarray, " size"], limit: int) -> Ranked:
        """The first `limit` of `allowed` in the order of one query of the batch."""
        positions = np.flatnonzero(allowed & self._snapshot.alive)
        drawn = draw(self._seed, self._queries[query].digest(), self._snapshot.rows[positions])
        if limit < len(positions):
            first = np.argpartition(drawn, limit - 1)[:limit]
            positions, drawn = positions[first], drawn[first]
        order = np.argsort(drawn)
        positions = positions[order]
        scores = rowwise_products(self._snapshot.vectors(positions), self._queries[query].vector)
        keys = [(number, "") for number in drawn[order].tolist()]
        return Ranked(positions, scores.astype(np.float32), keys, exhausted=len(keys) < limit)


def draw(seed: int, digest: int, rows: Int64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    """A random number for each row, different for different rows.

    SplitMix64, seeded by seed and query and jumped ahead to the row; its output function is a bijection. Source:
    Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators,
    https://doi.org/10.1145/2660193.2660195.

    Args:
        seed: The request's seed, below 2**64.
        digest: The query's 64 bits.
        rows: Rows, not negative.
    """
    start = int(_finalised(np.array([seed], dtype=np.uint64))[0]) ^ digest
    start = (int(_finalised(np.array([start], dtype=np.uint64))[0]) + _GAMMA) & _BITS
    return _finalised(rows.astype(np.uint64) * np.uint64(_GAMMA) + np.uint64(start))


def _finalised(state: UInt64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: UInt64[np.ndarray, " n"] = state ^ (state >> np.uint64(31))
    return mixed
