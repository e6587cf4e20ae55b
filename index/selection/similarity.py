"""Cosine similarity of unit vectors, the same for a row whatever rows stand around it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Shaped

__all__ = ["rowwise_products"]


def rowwise_products(
    rows: Shaped[np.ndarray, "n dim"], vector: Shaped[np.ndarray, " dim"]
) -> Float64[np.ndarray, " n"]:
    """Inner product of each row with a vector, summed in float64 row by row.

    BLAS would sum a row differently depending on its place in the matrix; ties between equal vectors, and the
    agreement of a batch with a single query, would then hang on rounding.
    """
    wide = np.ascontiguousarray(rows, dtype=np.float64)
    products: Float64[np.ndarray, " n"] = np.einsum("nd,d->n", wide, np.ascontiguousarray(vector, dtype=np.float64))
    return products
