"""Which vectors of a matrix may be among the nearest: a fast float32 pass that never misses one.

The pass is inexact in the last digits, so it answers with every vector that could be among the nearest within its
rounding; the exact scores then decide. A batch is multiplied block by block with BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Int64

from index.inner_products import rounding_of_scan

__all__ = ["Offsets", "scan_matrix", "within_rounding"]

Offsets = Int64[np.ndarray, " found"]

_BLOCK = 4096
_ROWS_AT_ONCE = 16 * _BLOCK
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
        lengths = np.linalg.norm(some.astype(np.float64), axis=1).tolist()
        near = [_Near(limit, rounding_of_scan(length, max_norm, matrix.shape[1])) for length in lengths]
        for first, products in _products(matrix, some, chosen):
            for one, row in zip(near, products, strict=True):
                one.take(first, row)
        found += [one.offsets() if chosen is None else chosen[one.offsets()] for one in near]
    return found


class _Near:
    """What may be among the nearest of one query, of the rows seen so far: every row that may be among the nearest of
    all may be so among those of its part."""

    def __init__(self, limit: int, slack: float) -> None:
        self._limit, self._slack = limit, slack
        self._offsets: list[Int64[np.ndarray, " _"]] = []
        self._products: list[Float32[np.ndarray, " _"]] = []

    def take(self, first: int, products: Float32[np.ndarray, " rows"]) -> None:
        """The products of the next rows, of which the first is number `first`."""
        near = within_rounding(products, self._limit, self._slack)
        self._offsets.append(near + first)
        self._products.append(products[near])

    def offsets(self) -> Int64[np.ndarray, " _"]:
        """Of all rows, ascending."""
        if len(self._offsets) < 2:  # nothing to merge
            return self._offsets[0] if self._offsets else np.zeros(0, dtype=np.int64)
        near = within_rounding(np.concatenate(self._products), self._limit, self._slack)
        offsets: Int64[np.ndarray, " _"] = np.concatenate(self._offsets)[near]
        return offsets


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
) -> Iterator[tuple[int, Float32[np.ndarray, "batch _"]]]:
    """Part by part, each with the number of its first row: together they'd take hundreds of megabytes a million."""
    count = len(matrix) if chosen is None else len(chosen)
    products = np.empty((min(_ROWS_AT_ONCE, count), len(queries)), dtype=np.float32)
    columns = np.ascontiguousarray(queries.T)
    for first in range(0, count, _ROWS_AT_ONCE):
        rows = min(_ROWS_AT_ONCE, count - first)
        for start in range(0, rows, _BLOCK):
            stop = min(start + _BLOCK, rows)
            # BLAS wants aligned rows: a mapped file is copied block by block, which costs less than it saves.
            part = slice(first + start, first + stop)
            block = matrix[part] if chosen is None else matrix[chosen[part]]
            np.matmul(np.require(block, requirements=("C", "A")), columns, out=products[start:stop])
        yield first, np.ascontiguousarray(products[:rows].T)
