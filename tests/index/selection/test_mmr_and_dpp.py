from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.selection.dpp import Dpp
from index.selection.mmr import Mmr
from tests.index.selection.memory_pool import unit_vectors


def kernel(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    return (1 + wide @ wide.T) / 2


def problem(seed: int, n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = unit_vectors(rng, n, dim)
    return (vectors @ unit_vectors(rng, 1, dim)[0]), vectors


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 30), lambda_=st.floats(0, 1))
def test_mmr_gains_what_a_naive_loop_gains(seed: int, n: int, lambda_: float) -> None:
    relevance, vectors = problem(seed, n, 8)
    mmr = Mmr(relevance, vectors, lambda_)
    taken: list[int] = []
    for candidate in np.random.default_rng(seed).permutation(n).tolist()[:6]:
        naive = [
            lambda_ * float(relevance[one])
            - (1 - lambda_) * max((float(vectors[one].astype(float) @ vectors[other]) for other in taken), default=0.0)
            for one in range(n)
        ]
        np.testing.assert_allclose(mmr.gains(), naive, atol=1e-7)
        mmr.take(candidate)
        taken.append(candidate)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(2, 25), lambda_=st.floats(0, 0.99))
def test_dpp_takes_at_each_step_what_makes_the_kernel_determinant_largest(seed: int, n: int, lambda_: float) -> None:
    relevance, vectors = problem(seed, n, 12)
    alpha = lambda_ / (2 * (1 - lambda_))
    weight = np.exp(alpha * relevance.astype(np.float64))
    weighed = weight[:, None] * kernel(vectors) * weight[None, :]
    dpp = Dpp(relevance, vectors, lambda_)
    taken: list[int] = []
    for _ in range(min(n, 8)):
        left = [one for one in range(n) if one not in taken]
        determinants = [np.linalg.slogdet(weighed[np.ix_([*taken, one], [*taken, one])])[1] for one in left]
        best = left[int(np.argmax(dpp.gains()[left]))]
        # The log-determinant over both is the gain of the paper divided by 1 − λ.
        assert determinants[left.index(best)] == pytest.approx(max(determinants), abs=1e-6)
        before = np.linalg.slogdet(weighed[np.ix_(taken, taken)])[1] if taken else 0.0
        grown = (np.array(determinants) - before) * (1 - lambda_)
        np.testing.assert_allclose(dpp.gains()[left], grown, atol=1e-6)
        dpp.take(best)
        taken.append(best)


def test_dpp_puts_repeats_after_everything_else_and_stays_finite_for_the_rest() -> None:
    _, vectors = problem(5, 6, 12)
    vectors = np.repeat(vectors, 3, axis=0)
    dpp = Dpp(np.linspace(0.9, 0.1, 18, dtype=np.float32), vectors, 0.5)
    taken: list[int] = []
    for _ in range(18):
        gains = dpp.gains()
        gains[taken] = -np.inf
        left = [one for one in range(18) if one not in taken]
        best = left[int(np.argmax(gains[left]))]
        assert np.isfinite(gains[best]) == (len(taken) < 6)
        dpp.take(best)
        taken.append(best)
    assert sorted(one // 3 for one in taken[:6]) == list(range(6))
    assert taken[6:] == sorted(taken[6:])


def test_dpp_agrees_with_itself_on_many_nearly_equal_vectors() -> None:
    rng = np.random.default_rng(0)
    near = np.ones(64) + 1e-3 * rng.normal(size=(400, 64))
    vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    dpp = Dpp(np.zeros(400, dtype=np.float32), vectors, 0.0)
    taken: list[int] = []
    for _ in range(40):
        gains = dpp.gains()
        gains[taken] = -np.inf
        best = int(np.argmax(gains))
        exact = np.linalg.slogdet(kernel(vectors)[np.ix_([*taken, best], [*taken, best])])[1]
        assert np.isfinite(exact)
        dpp.take(best)
        taken.append(best)
    assert len(set(taken)) == 40


def test_opposite_vectors_are_the_most_different_to_a_dpp() -> None:
    vectors = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    dpp = Dpp(np.zeros(3, dtype=np.float32), vectors, 0.0)
    dpp.take(0)
    assert int(np.argmax(dpp.gains())) == 2
