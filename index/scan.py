"""Which vectors of a matrix may be among the nearest: a fast float32 pass that never misses one.

The pass is inexact in the last digits, so it answers with every vector that could be among the nearest within its
rounding; the exact scores then decide. A batch is multiplied block by block with BLAS.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int64

from index.inner_products import rounding_of_scan

__all__ = ["Offsets", "scan_matrix", "within_rounding"]

Offsets = Int64[np.ndarray, " found"]

_BLOCK = 4096
_QUERIES_AT_ONCE = 64


def scan_matrix(
    matrix: Float32[np.ndarray, "n dim"],
    queries: Float32[np.ndarray, "batch dim"],
    limit: int,
    allowed: Bool[np.ndarray, " n"] | None,
    max_norm: float,
) -> list[Int64[np.ndarray, " _"]]:
    """For each query the offsets of all rows that may be among its `limit` nearest, in ascending order.

    Args:
        matrix: Vectors; may be unaligned, as those mapped from a file are.
        queries: What to search for.
        limit: How many nearest.
        allowed: Rows that count; all for None.
        max_norm: Largest norm among the rows.
    """
    chosen = None if allowed is None else np.flatnonzero(allowed)
    found: list[Int64[np.ndarray, " _"]] = []
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        some = queries[start : start + _QUERIES_AT_ONCE]
        for query, products in zip(some, _products(matrix, some, chosen), strict=True):
            slack = rounding_of_scan(float(np.linalg.norm(query.astype(np.float64))), max_norm, matrix.shape[1])
            offsets = within_rounding(products, limit, slack)
            found.append(offsets if chosen is None else chosen[offsets])
    return found


def within_rounding(products: Float32[np.ndarray, " n"], limit: int, slack: float) -> Int64[np.ndarray, " _"]:
    """Offsets of all products that may be among the `limit` largest when each is off by up to `slack`."""
    if len(products) <= limit:
        return np.arange(len(products), dtype=np.int64)
    worst = np.partition(products, len(products) - limit)[len(products) - limit]
    # The limit-th largest true product is at least worst − slack; one as large was computed as at least that − slack.
    return np.flatnonzero(products >= np.float64(worst) - 2 * slack).astype(np.int64, copy=False)


def _products(
    matrix: Float32[np.ndarray, "n dim"],
    queries: Float32[np.ndarray, "batch dim"],
    chosen: Int64[np.ndarray, " m"] | None,
) -> Float32[np.ndarray, "batch _"]:
    count = len(matrix) if chosen is None else len(chosen)
    products = np.empty((count, len(queries)), dtype=np.float32)
    columns = np.ascontiguousarray(queries.T)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        # BLAS wants aligned rows: a mapped file is copied block by block, which costs less than it saves.
        block = matrix[start:stop] if chosen is None else matrix[chosen[start:stop]]
        np.matmul(np.require(block, requirements=("C", "A")), columns, out=products[start:stop])
    return np.ascontiguousarray(products.T)
