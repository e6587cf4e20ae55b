"""What each query is answered, and how many of its neighbours share its class: all that figures are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray

from benchmarks.quality.division import Division
from encoders.adaptation.coding import UNKNOWN
from encoders.adaptation.retrieval import Neighbours, nearest, voted

__all__ = ["Answers", "K", "answered", "answered_at_random"]

K = 7


@dataclass(frozen=True, eq=False)
class Answers:
    """Of the queries of a cell, in the order of its images.

    Attributes:
        classes: (queries,) the class that the neighbours voted for, `UNKNOWN` for none.
        hits: (queries,) how many of the K neighbours have the query's class.
    """

    classes: NDArray[np.int64]
    hits: NDArray[np.int64]


def answered(
    pool: Float32[np.ndarray, "n dim"], queries: Float32[np.ndarray, "queries dim"], division: Division
) -> Answers:
    """The answers of the K nearest, weighted by similarity; a query's own group is never among them.

    Args:
        pool: (n, dim), L2-normalised, of the division's pool.
        queries: (queries, dim), L2-normalised, of its queries.
        division: Pool and queries.
    """
    found = nearest(queries, pool, K, query_groups=division.query_groups, pool_groups=division.pool_groups)
    return _told(found, division)


def answered_at_random(
    pool: Float32[np.ndarray, "n dim"],
    queries: Float32[np.ndarray, "queries dim"],
    division: Division,
    *,
    seed: int,
) -> Answers:
    """The answers of K demonstrations drawn from the pool for each query, weighted by similarity as `random` does.

    Args:
        pool: As for `answered`.
        queries: Likewise.
        division: Likewise.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    places = np.full((len(queries), K), UNKNOWN, dtype=np.int64)
    scores = np.full((len(queries), K), -np.inf, dtype=np.float32)
    for query, group in enumerate(division.query_groups.tolist()):
        others = np.flatnonzero((division.pool_groups != group) | (division.pool_groups == UNKNOWN))
        drawn = rng.choice(others, min(K, len(others)), replace=False)
        places[query, : len(drawn)] = drawn
        scores[query, : len(drawn)] = pool[drawn] @ queries[query]
    # In the order that a vote adds in: the most similar first.
    order = np.argsort(-scores, axis=1, kind="stable")
    found = Neighbours(np.take_along_axis(places, order, axis=1), np.take_along_axis(scores, order, axis=1))
    return _told(found, division)


def _told(found: Neighbours, division: Division) -> Answers:
    hits: Int64[np.ndarray, " queries"] = np.asarray(
        (found.labels(division.pool_labels) == division.query_labels[:, None]).sum(axis=1), dtype=np.int64
    )
    return Answers(voted(found, division.pool_labels), hits)
