"""Greedy MAP of a determinantal point process: sets that are relevant and span a large volume."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from index.inner_products import rowwise_products

__all__ = ["Dpp"]

# Below this squared distance from the span of the taken ones a candidate repeats them: float32 vectors of one image
# that was encoded twice lie within 1e-13, while rounding in float64 stays below 1e-11.
_REPEATS = 1e-10


class Dpp:
    """Gains λ·(relevance) + (1−λ)·(log of the factor by which the determinant of the similarities grows).

    The similarity of two candidates is (1 + cosine)/2, which is positive semidefinite and calls opposite vectors the
    most different. Weighing by λ equals the kernel Diag(exp(αr))·S·Diag(exp(αr)) with α = λ/(2(1−λ)), but can't
    overflow. The factor is kept up to date by an incremental Cholesky decomposition, O(n·taken) a step. Source:
    Chen, Zhang & Zhou 2018, Fast greedy MAP inference for determinantal point process,
    https://arxiv.org/abs/1709.05135 (their θ is our λ).

    A candidate that lies in the span of the taken ones would make the determinant 0: its gain is −∞, which puts it
    after every other. Taking one all the same, when nothing else is left, changes no other gain.

    Args:
        relevance: Similarity of each candidate to the query.
        vectors: The candidates' unit vectors.
        lambda_: λ from 0 (variety alone) to below 1.
    """

    def __init__(
        self, relevance: Float32[np.ndarray, " n"], vectors: Float32[np.ndarray, "n dim"], lambda_: float
    ) -> None:
        self._relevance = lambda_ * relevance.astype(np.float64)
        self._vectors = vectors.astype(np.float64)
        self._weight = 1.0 - lambda_
        self._left = (1.0 + np.einsum("nd,nd->n", self._vectors, self._vectors)) / 2.0
        self._rows: Float64[np.ndarray, "n room"] = np.empty((len(vectors), 8))
        self._taken = 0

    def gains(self) -> Float64[np.ndarray, " n"]:
        """Gain of taking each candidate next; −∞ for one that only repeats what is taken."""
        gains = np.full(len(self._left), -np.inf)
        fresh = self._left > _REPEATS
        gains[fresh] = self._relevance[fresh] + self._weight * np.log(self._left[fresh])
        return gains

    def take(self, candidate: int) -> None:
        """Count a candidate as taken: one more column of the Cholesky factor."""
        left = self._left[candidate]
        if left <= _REPEATS:
            return
        if self._taken == self._rows.shape[1]:
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)], axis=1)
        known = self._rows[:, : self._taken]
        similarity = (1.0 + rowwise_products(self._vectors, self._vectors[candidate])) / 2.0
        column = (similarity - rowwise_products(known, known[candidate])) / np.sqrt(left)
        self._left = self._left - column**2
        self._rows[:, self._taken] = column
        self._taken += 1
