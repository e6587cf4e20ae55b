"""Maximal marginal relevance: near the query, far from what is chosen already."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from index.inner_products import rowwise_products

__all__ = ["Mmr"]


class Mmr:
    """Gains λ·(similarity to the query) − (1−λ)·(largest similarity to one already taken).

    Source: Carbonell & Goldstein 1998, https://doi.org/10.1145/290941.291025.

    Args:
        relevance: Similarity of each candidate to the query.
        vectors: The candidates' unit vectors.
        lambda_: λ from 0 (variety alone) to 1 (relevance alone). Before anything is taken the second term is 0.
    """

    def __init__(
        self, relevance: Float32[np.ndarray, " n"], vectors: Float32[np.ndarray, "n dim"], lambda_: float
    ) -> None:
        self._relevance = lambda_ * relevance.astype(np.float64)
        self._vectors = vectors.astype(np.float64)
        self._weight = 1.0 - lambda_
        self._closest: Float64[np.ndarray, " n"] | None = None

    def gains(self) -> Float64[np.ndarray, " n"]:
        """Gain of taking each candidate next."""
        return self._relevance if self._closest is None else self._relevance - self._weight * self._closest

    def take(self, candidate: int) -> None:
        """Count a candidate as taken."""
        similarity = rowwise_products(self._vectors, self._vectors[candidate])
        self._closest = similarity if self._closest is None else np.maximum(self._closest, similarity)
