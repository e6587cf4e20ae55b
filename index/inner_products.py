"""Inner products that are the same for a vector wherever it is stored and however many are searched at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64

__all__ = ["rounding_of_scan", "rowwise_products", "scores_of"]

_UNIT_ROUNDOFF = 2.0**-24


def rowwise_products(rows: Float[np.ndarray, "n dim"], vector: Float[np.ndarray, " dim"]) -> Float64[np.ndarray, " n"]:
    """Inner product of each row with a vector, float32 or float64, summed in float64, one row at a time.

    A product of two float32 is exact in float64. BLAS would sum a row in an order that hangs on its neighbours.
    """
    wide = np.ascontiguousarray(rows, dtype=np.float64)
    products: Float64[np.ndarray, " n"] = np.einsum("nd,d->n", wide, np.ascontiguousarray(vector, dtype=np.float64))
    return products


def scores_of(
    rows: Float32[np.ndarray, "n dim"], queries: Float32[np.ndarray, "batch dim"]
) -> Float32[np.ndarray, "batch n"]:
    """The scores that are answered: `rowwise_products` rounded to float32."""
    wide = np.ascontiguousarray(rows, dtype=np.float64)
    scores = np.empty((len(queries), len(rows)), dtype=np.float32)
    for query, out in zip(queries.astype(np.float64), scores, strict=True):
        out[:] = np.einsum("nd,d->n", wide, query)
    return scores


def rounding_of_scan(query_norm: float, max_norm: float, dim: int) -> float:
    """How far a float32 inner product, summed in any order, can lie from the score that is answered.

    |fl(x·y) − x·y| ≤ γ_n ‖x‖ ‖y‖ with γ_n ≈ n·u, and rounding the answer costs another u.
    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1,
    https://doi.org/10.1137/1.9780898718027.
    """
    return 1.01 * (dim + 8) * _UNIT_ROUNDOFF * query_norm * max_norm
