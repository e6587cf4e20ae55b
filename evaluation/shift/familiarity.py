"""How familiar queries look to a pool, how much their nearest agree, and how often these are right: a rehearsal.

A query's familiarity is the mean cosine similarity of its k nearest demonstrations. What it and their agreement are
worth is learnt on the pool itself: each domain in turn plays the new one, and its images are answered by the vote of
their k nearest among the other domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from encoders.adaptation.coding import code, names_of
from encoders.adaptation.retrieval import Neighbours, nearest, voted
from evaluation.protocols.fold import Fold
from evaluation.protocols.k_fold import k_fold
from evaluation.protocols.leave_one_domain_out import leave_one_domain_out
from evaluation.shift.agreement import agreement_of
from invariantselect.errors import PoolNotDivisibleError

__all__ = ["Rehearsal", "familiarity_of", "rehearsed"]

MOST = 1000


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """The pool's own images as queries.

    Attributes:
        domains_left_out: Whether each domain was left out in turn; else the pool has no two that can be, and halves
            were, which says too much good of a new domain.
        familiarity: (queries,) of each.
        agreement: (queries,) of each one's nearest, see `evaluation.shift.agreement`.
        right: (queries,) whether its vote was right.
    """

    domains_left_out: bool
    familiarity: Float64[np.ndarray, " queries"]
    agreement: Float64[np.ndarray, " queries"]
    right: Bool[np.ndarray, " queries"]


def familiarity_of(neighbours: Neighbours) -> Float64[np.ndarray, " queries"]:
    """Mean similarity of each query's neighbours; −1 for one without any.

    Args:
        neighbours: Of `nearest`.
    """
    there = np.isfinite(neighbours.scores)
    sums = np.where(there, neighbours.scores, 0.0).astype(np.float64).sum(axis=1)
    means = np.full(len(sums), -1.0)
    np.divide(sums, there.sum(axis=1), out=means, where=there.any(axis=1))
    return means


def rehearsed(
    vectors: Float32[np.ndarray, "n dim"],
    labels: Sequence[str],
    domains: Sequence[str | None],
    groups: Sequence[str | None],
    sha256: Sequence[str],
    *,
    k: int = 7,
    most: int = MOST,
    seed: int = 0,
) -> Rehearsal:
    """What each of a pool's images would be answered by others.

    Where the vectors come from an encoder that was adapted to these very images, the answers are better than those that
    a new domain will get. The frozen encoder knows nothing of the labels.

    Args:
        vectors: (n, dim), L2-normalised.
        labels: Of each image.
        domains: Likewise; None where it isn't known.
        groups: Likewise; None for none.
        sha256: Of each image file; a query is never answered by its own under another id.
        k: How many neighbours vote.
        most: Of a domain with more images, so many drawn at random ask.
        seed: Of the draw.

    Raises:
        PoolNotDivisibleError: The pool has one group only.
    """
    folds, left_out = _folds(labels, domains, groups, seed)
    codes, files = code(labels, names_of(labels)), code(sha256, names_of(sha256))
    rng = np.random.default_rng(seed)
    familiar, agreement, right = [], [], []
    for fold in folds:
        asking = fold.queries
        if len(asking) > most:
            asking = np.sort(rng.choice(asking, most, replace=False))
        # As those of one group: a file that is there under two ids would be its own nearest.
        own = {"query_groups": files[asking], "pool_groups": files[fold.pool]}
        found = nearest(vectors[asking], vectors[fold.pool], k, **own)
        familiar.append(familiarity_of(found))
        agreement.append(agreement_of(found, codes[fold.pool]))
        right.append(voted(found, codes[fold.pool]) == codes[asking])
    return Rehearsal(left_out, np.concatenate(familiar), np.concatenate(agreement), np.concatenate(right))


def _folds(
    labels: Sequence[str], domains: Sequence[str | None], groups: Sequence[str | None], seed: int
) -> tuple[list[Fold], bool]:
    try:
        return leave_one_domain_out(domains, groups), True
    except PoolNotDivisibleError:
        return k_fold(labels, groups, folds=2, seed=seed), False
