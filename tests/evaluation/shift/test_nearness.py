from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.shift import nearness as module
from evaluation.shift.nearness import QUANTILES, nearest_by_domain, nearness, own_domain_nearest
from tests.encoders.adaptation.test_measures import vectors_of


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 3), st.integers(0, 5)), min_size=3, max_size=14),
    st.integers(0, 50),
    st.integers(1, 12),
)
def test_the_nearest_of_each_domain_are_those_found_by_looking(
    rows: list[tuple[int, int, int]], seed: int, at_once: int
) -> None:
    rows = [(0, 9, 9), (1, 9, 8), (2, 8, 7), *rows]
    domains, units, files = np.array(rows, np.int64).T
    vectors = vectors_of(seed, len(rows) + 4)
    pool, queries = vectors[:-4], vectors[-4:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SCORES_AT_ONCE", at_once)
        found = nearest_by_domain(queries, pool, domains)
        own = own_domain_nearest(pool, domains, units, files)
    for query, row in zip(queries, found, strict=True):
        expected = [max(float(query @ each) for each in pool[domains == domain]) for domain in range(3)]
        assert row.tolist() == pytest.approx(expected, abs=1e-6)

    def strangers(one: int, other: int) -> bool:
        return bool(units[one] != units[other] and files[one] != files[other])

    for domain in range(3):
        here = np.flatnonzero(domains == domain)
        best = [[float(pool[a] @ pool[b]) for b in here if strangers(a, b)] for a in here]
        assert own[domain].tolist() == pytest.approx([max(each) for each in best if each], abs=1e-6)


def test_shares_and_quantiles_are_those_of_the_columns() -> None:
    similarities = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.7], [0.8, 0.3]], np.float32)
    art, photo = nearness(similarities, [np.array([0.4, 0.6], np.float32), np.empty(0, np.float32)], ["art", "photo"])
    assert (art.domain, art.share, photo.domain, photo.share) == ("art", 0.75, "photo", 0.25)
    assert art.similarity == pytest.approx(np.quantile([0.9, 0.5, 0.2, 0.8], QUANTILES).tolist())
    assert art.own == pytest.approx(np.quantile([0.4, 0.6], QUANTILES).tolist())
    assert photo.own is None


def test_of_a_large_domain_some_are_drawn() -> None:
    pool = vectors_of(0, 50)
    (some,) = own_domain_nearest(pool, np.zeros(50, np.int64), np.arange(50), np.arange(50), most=10, seed=1)
    (all_of_them,) = own_domain_nearest(pool, np.zeros(50, np.int64), np.arange(50), np.arange(50))
    assert len(some) == 10
    assert set(some.tolist()) <= set(all_of_them.tolist())
