"""How well a space answers queries: the nearest of a pool, whether they share the query's class, and how they vote.

The same figures as `evaluation` gives for a pool on disk, from vectors in memory and with one matrix product a block:
what an adaptation is judged by, thousands of queries at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from encoders.adaptation.coding import UNKNOWN

__all__ = ["Neighbours", "accuracy", "macro_accuracy", "nearest", "precision", "voted"]

_SCORES_AT_ONCE = 4_000_000  # 32 MB of float64


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest demonstrations of each query, the nearest first.

    Attributes:
        places: (queries, k) int64 in the pool, `UNKNOWN` where there are no more.
        scores: (queries, k) float32, cosine similarities; −inf where there are no more.
    """

    places: Int64[np.ndarray, "queries k"]
    scores: Float32[np.ndarray, "queries k"]

    def labels(self, pool: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "queries k"]:
        """The class of each, given the pool's classes; `UNKNOWN` where there are no more."""
        return np.take(np.append(pool, np.int64(UNKNOWN)), self.places)


def nearest(
    queries: Float[np.ndarray, "queries dim"],
    pool: Float[np.ndarray, "n dim"],
    k: int = 7,
    *,
    query_groups: Int64[np.ndarray, " queries"] | None = None,
    pool_groups: Int64[np.ndarray, " n"] | None = None,
    among: Bool[np.ndarray, " n"] | None = None,
) -> Neighbours:
    """The k demonstrations with the largest cosine similarity to each query; of equals, the earlier in the pool.

    Args:
        queries: (queries, dim), L2-normalised.
        pool: (n, dim), L2-normalised. Whoever searches it again and again gives float64, which isn't copied.
        k: How many, at least 1.
        query_groups: Patient or slide of each query, `UNKNOWN` for none; None for none at all.
        pool_groups: Likewise of each demonstration. Those of the query's own group are never its neighbours.
        among: Which of the pool may be found; None for all.
    """
    step = max(1, _SCORES_AT_ONCE // max(1, len(pool)))
    wide = pool.astype(np.float64, copy=False).T
    places = np.full((len(queries), k), UNKNOWN, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for start in range(0, len(queries) if len(pool) else 0, step):
        rows = slice(start, start + step)
        # As the index scores: products summed in float64, rounded to float32, so that twins tie.
        block = (queries[rows].astype(np.float64) @ wide).astype(np.float32)
        if query_groups is not None and pool_groups is not None:
            own = (query_groups[rows, None] == pool_groups[None, :]) & (pool_groups != UNKNOWN)[None, :]
            block[own] = -np.inf
        if among is not None:
            block[:, ~among] = -np.inf
        best = _largest(block, min(k, len(pool)))
        found = np.take_along_axis(block, best, axis=1)
        places[rows, : best.shape[1]] = np.where(np.isneginf(found), UNKNOWN, best)
        scores[rows, : best.shape[1]] = found
    return Neighbours(places, scores)


def precision(
    neighbours: Neighbours, pool_labels: Int64[np.ndarray, " n"], query_labels: Int64[np.ndarray, " queries"]
) -> float:
    """Mean share of the k neighbours that have the query's class; a missing one counts as a wrong one.

    Args:
        neighbours: Of `nearest`; at least one query.
        pool_labels: Class of each demonstration, at least 0.
        query_labels: Class of each query, at least 0.
    """
    return float((neighbours.labels(pool_labels) == query_labels[:, None]).mean())


def voted(neighbours: Neighbours, pool_labels: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " queries"]:
    """The class whose neighbours are together the most similar to the query, as `evaluation.learners.vote` has it.

    Args:
        neighbours: Of `nearest`, seven by custom.
        pool_labels: Class of each demonstration, at least 0.

    Returns:
        (queries,): of equals the smaller code, which is the first in alphabetical order where the codes are those of
        `encoders.adaptation.coding`; `UNKNOWN` for a query without neighbours.
    """
    labels = neighbours.labels(pool_labels)
    there = labels != UNKNOWN
    weights = np.where(there, neighbours.scores, 0.0).astype(np.float64)
    sums = _sums_by_label(labels, weights)
    sums[~there] = -np.inf
    winners = np.where(there & (sums == sums.max(axis=1, keepdims=True)), labels, np.iinfo(np.int64).max).min(axis=1)
    return np.where(there.any(axis=1), winners, np.int64(UNKNOWN))


def accuracy(answers: Int64[np.ndarray, " queries"], labels: Int64[np.ndarray, " queries"]) -> float:
    """Share of the queries that are answered rightly; one without an answer is wrong.

    Args:
        answers: Of `voted`; at least one.
        labels: Class of each query, at least 0.
    """
    return float((answers == labels).mean())


def macro_accuracy(answers: Int64[np.ndarray, " queries"], labels: Int64[np.ndarray, " queries"]) -> float:
    """Mean recall over the classes present among the queries: a rare class counts as much as a common one.

    Args:
        answers: Of `voted`; at least one.
        labels: Class of each query, at least 0.
    """
    _, places, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return float((np.bincount(places, weights=answers == labels) / sizes).mean())


def _sums_by_label(
    labels: Int64[np.ndarray, "queries k"], weights: Float64[np.ndarray, "queries k"]
) -> Float64[np.ndarray, "queries k"]:
    """For each neighbour the sum of the weights of all that share its label."""
    sums = np.zeros_like(weights)
    # The smallest first, one by one: the order in which `evaluation.learners.vote` adds, so that the same sums tie.
    for place in reversed(range(weights.shape[1])):
        sums += np.where(labels == labels[:, place, None], weights[:, place, None], 0.0)
    return sums


def _largest(scores: Float32[np.ndarray, "rows n"], k: int) -> Int64[np.ndarray, "rows k"]:
    """Places of the k largest of each row, in descending order; of equals the earlier first."""
    n = scores.shape[1]
    places = np.argpartition(scores, n - k, axis=1)[:, n - k :]
    worst = np.take_along_axis(scores, places, axis=1).min(axis=1)
    # Where others equal the last one, the partition chose among them by accident.
    for row in np.flatnonzero((scores >= worst[:, None]).sum(axis=1) > k):
        places[row] = np.argsort(-scores[row], kind="stable")[:k]
    places.sort(axis=1)
    found = np.take_along_axis(scores, places, axis=1)
    return np.take_along_axis(places, np.argsort(-found, axis=1, kind="stable"), axis=1)
