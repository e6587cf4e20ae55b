"""A matrix product whose rows don't hang on one another."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

__all__ = ["rowwise_product"]


def rowwise_product(
    rows: Float64[np.ndarray, "n inner"], matrix: Float[np.ndarray, "inner outer"]
) -> Float64[np.ndarray, "n outer"]:
    """rows · matrix in float64, each row as if it were alone, bit for bit.

    BLAS sums in an order that hangs on the number of rows: measured, nearly every row of a batch differed in a last
    bit from itself alone. Summed in one fixed order it takes two to ten times as long, 0.07 ms a vector for
    1280 → 256; a forward pass takes a hundred times that.
    """
    wide = np.ascontiguousarray(matrix, dtype=np.float64)
    product: Float64[np.ndarray, "n outer"] = np.einsum("ni,io->no", np.ascontiguousarray(rows), wide)
    return product
