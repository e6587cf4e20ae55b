"""Part by part the scan finds what it finds at once, ties and filters included, and holds no more than a part."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import scan
from index.scan import scan_matrix

DIM = 4


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, np.ndarray | None]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 60))
    matrix = rng.choice([-1.0, 0.0, 0.5, 1.0], size=(count, DIM)).astype(np.float32)  # ties everywhere
    queries = rng.choice([-1.0, 0.25, 1.0], size=(draw(st.integers(1, 9)), DIM)).astype(np.float32)
    allowed = rng.random(count) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])) if draw(st.booleans()) else None
    return matrix, queries, draw(st.integers(1, 70)), allowed


@settings(deadline=None)
@given(search=searches(), rows=st.sampled_from([3, 6, 21]), queries_at_once=st.sampled_from([1, 4]))
def test_parts_find_what_the_whole_does(
    search: tuple[np.ndarray, np.ndarray, int, np.ndarray | None], rows: int, queries_at_once: int
) -> None:
    matrix, queries, limit, allowed = search
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BLOCK", 3)
        patch.setattr(scan, "_ROWS_AT_ONCE", rows)
        patch.setattr(scan, "_QUERIES_AT_ONCE", queries_at_once)
        found = scan_matrix(matrix, queries, limit, allowed, 2.0)
    inside = np.arange(len(matrix)) if allowed is None else np.flatnonzero(allowed)
    for query, offsets in zip(queries, found, strict=True):
        products = matrix[inside] @ query  # exact: sums of a few quarters
        worst = np.sort(products)[-limit] if limit < len(products) else -np.inf
        assert offsets.tolist() == inside[products >= worst].tolist()


def test_a_batch_over_many_rows_holds_a_part_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_ROWS_AT_ONCE", scan._BLOCK)
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((50 * scan._BLOCK, DIM)).astype(np.float32)
    queries = rng.standard_normal((64, DIM)).astype(np.float32)
    tracemalloc.start()
    try:
        found = scan_matrix(matrix, queries, 10, None, 10.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [len(offsets) for offsets in found] == [10] * 64
    assert peak < 0.2 * len(matrix) * len(queries) * 4
    exact = matrix.astype(np.float64) @ queries.astype(np.float64).T
    for number, offsets in enumerate(found):
        assert set(offsets.tolist()) == set(np.argsort(-exact[:, number])[:10].tolist())
