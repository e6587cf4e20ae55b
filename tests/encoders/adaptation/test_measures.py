"""Each measure against loops over pairs, in plain Python."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.adaptation import measures
from encoders.adaptation.measures import alignment, alignment_across_domains, uniformity, variance_shares

Labelled = tuple[np.ndarray, np.ndarray, np.ndarray]


def vectors_of(seed: int, n: int, dim: int = 3, dtype: type = np.float32) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


@st.composite
def labelled(draw: st.DrawFn) -> Labelled:
    n = draw(st.integers(0, 12))
    vectors = vectors_of(draw(st.integers(0, 99)), n)
    if n and draw(st.booleans()):
        vectors[:] = vectors[draw(st.integers(0, n - 1))]
    labels = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    domains = draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))
    return vectors, np.array(labels, np.int64), np.array(domains, np.int64)


def squared(x: np.ndarray, y: np.ndarray) -> float:
    return math.fsum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True))


def mean_or_none(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def approximately(expected: float | None) -> object:
    return expected if expected is None else pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(labelled())
def test_alignment_is_the_mean_over_the_pairs_of_a_class(pool: Labelled) -> None:
    vectors, labels, domains = pool
    same = [(i, j) for i, j in combinations(range(len(labels)), 2) if labels[i] == labels[j]]
    across = [(i, j) for i, j in same if domains[i] >= 0 and domains[j] >= 0 and domains[i] != domains[j]]
    assert alignment(vectors, labels) == approximately(mean_or_none([squared(vectors[i], vectors[j]) for i, j in same]))
    expected = mean_or_none([squared(vectors[i], vectors[j]) for i, j in across])
    assert alignment_across_domains(vectors, labels, domains) == approximately(expected)


@settings(deadline=None)
@given(labelled(), st.integers(1, 5))
def test_uniformity_is_the_log_of_the_mean_over_all_pairs(pool: Labelled, at_once: int) -> None:
    vectors, _, _ = pool
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_AT_ONCE", at_once)
        got = uniformity(vectors)
    mean = mean_or_none([math.exp(-2 * squared(x, y)) for x, y in combinations(vectors, 2)])
    assert got == approximately(mean if mean is None else math.log(mean))


@settings(deadline=None)
@given(labelled())
def test_variance_divides_into_classes_domains_and_the_rest(pool: Labelled) -> None:
    vectors, labels, domains = pool
    wide = vectors.astype(np.float64)
    shares = variance_shares(vectors, labels, domains)
    mean = wide.mean(axis=0) if len(wide) else wide
    total = sum(squared(x, mean) for x in wide)
    if total < 1e-12:
        return
    between = sum(squared(wide[labels == labels[i]].mean(axis=0), mean) for i in range(len(labels)))
    assert shares.classes == approximately(between / total)
    known = domains >= 0
    wide, labels, domains = wide[known], labels[known], domains[known]
    total = sum(squared(x, wide.mean(axis=0)) for x in wide)
    if total < 1e-12:
        return
    between = sum(
        squared(
            wide[(labels == labels[i]) & (domains == domains[i])].mean(axis=0), wide[labels == labels[i]].mean(axis=0)
        )
        for i in range(len(labels))
    )
    assert shares.domains == approximately(between / total)


def test_known_spaces() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    labels, domains = np.repeat([0, 1], 4), np.tile([0, 1], 4)
    assert alignment(vectors, labels) == 0
    assert alignment_across_domains(vectors, labels, domains) == 0
    assert variance_shares(vectors, labels, domains) == measures.VarianceShares(1.0, 0.0)
    # The domains are what differs, not the classes.
    assert variance_shares(vectors, domains, labels) == measures.VarianceShares(0.0, 1.0)
    assert alignment_across_domains(vectors, domains, labels) == pytest.approx(2.0)
    assert uniformity(np.repeat(vectors[:1], 5, axis=0)) == 0
    assert uniformity(vectors_of(0, 1500, 64)) == pytest.approx(-4 + 8 / 64, abs=0.01)
    assert variance_shares(vectors[:2], labels[:2], domains[:2]) == measures.VarianceShares(None, None)
