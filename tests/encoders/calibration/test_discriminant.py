"""The closed form against SciPy's generalised eigenproblem, and on the pools where covariances break down."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh

from encoders.calibration import calibration, discriminant
from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.calibration.discriminant import ClosedForm, Discriminants, fit_closed_form
from encoders.calibration.steps import Affine, Centring
from tests.encoders.calibration.chains import unit_vectors

PLAIN = ClosedForm(by_domain=False, shrinkages=(0.3,), exponent=1.0)


def planted(seed: int, n: int, dim: int, classes: int = 3, domains: int = 2) -> tuple[np.ndarray, ...]:
    """Vectors with a shift for each class and a larger one for each domain."""
    rng = np.random.default_rng(seed)
    labels, codes = rng.integers(classes, size=n), rng.integers(domains, size=n)
    labels[:classes], codes[:domains] = np.arange(classes), np.arange(domains)
    rows = rng.standard_normal((n, dim)) + 2 * rng.standard_normal((classes, dim))[labels]
    rows += 4 * rng.standard_normal((domains, dim))[codes]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), labels, codes


def affine_of(calibration: Calibration) -> Affine:
    return next(step for step in calibration.steps if isinstance(step, Affine))


def reference(centred: np.ndarray, labels: np.ndarray, form: ClosedForm) -> tuple[np.ndarray, np.ndarray]:
    """Between and shrunk within scatter, summed image by image and class by class."""
    classes = np.unique(labels)
    shares = {c: 1 / len(classes) if form.balanced else np.mean(labels == c) for c in classes}
    means = {c: centred[labels == c].mean(axis=0) for c in classes}
    middle = sum(shares[c] * means[c] for c in classes)
    dim = centred.shape[1]
    between, within = np.zeros((dim, dim)), np.zeros((dim, dim))
    for c in classes:
        between += shares[c] * np.outer(means[c] - middle, means[c] - middle)
        mine = centred[labels == c]
        for row in mine:
            within += shares[c] / len(mine) * np.outer(row - means[c], row - means[c])
    shrinkage = form.shrinkages[0]
    return between, (1 - shrinkage) * within + shrinkage * np.trace(within) / dim * np.eye(dim)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("separation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [12, 80])
def test_the_directions_solve_the_generalised_eigenproblem(
    balanced: bool, separation: float, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discriminant, "_ROWS_AT_ONCE", 33)
    vectors, labels, domains = planted(n, n, 20)
    form = replace(PLAIN, balanced=balanced, separations=(separation,))
    calibration = fit_closed_form(vectors, labels, domains, ["a", "b"], form)
    centring = next(step for step in calibration.steps if isinstance(step, Centring))
    centred = centring.apply(vectors.astype(np.float64), [None] * n)
    between, within = reference(centred, labels, form)
    values, directions = eigh(between, within)  # each with wᵀWw = 1
    best = np.argsort(-values)[: len(np.unique(labels)) - 1]
    expected = directions[:, best] * (values[best] / values[best[0]]) ** (separation / 2)
    weight = affine_of(calibration).weight
    assert weight.shape == expected.shape
    np.testing.assert_allclose(
        weight @ weight.T, expected @ expected.T, atol=2e-4 * np.abs(expected @ expected.T).max()
    )
    for ours, theirs in zip(weight.T, expected.T, strict=True):  # one by one, up to the sign
        np.testing.assert_allclose(np.abs(ours @ theirs), theirs @ theirs, rtol=1e-3)


@pytest.mark.parametrize("classes", [19, 20, 21, 60])
def test_with_more_classes_than_dimensions_they_solve_it_too(classes: int) -> None:
    vectors, labels, domains = planted(classes, 4 * classes, 20, classes=classes)
    form = replace(PLAIN, separations=(0.5,))
    calibration = fit_closed_form(vectors, labels, domains, ["a", "b"], form)
    centring = next(step for step in calibration.steps if isinstance(step, Centring))
    centred = centring.apply(vectors.astype(np.float64), [None] * len(vectors))
    values, directions = eigh(*reference(centred, labels, form))
    best = np.argsort(-values)[: min(classes - 1, 20)]
    expected = directions[:, best] * (values[best] / values[best[0]]) ** 0.25
    weight = affine_of(calibration).weight
    assert weight.shape == expected.shape
    np.testing.assert_allclose(
        weight @ weight.T, expected @ expected.T, atol=2e-4 * np.abs(expected @ expected.T).max()
    )


@pytest.mark.parametrize("by_domain", [False, True])
def test_without_shrinkages_vectors_are_centred_only(by_domain: bool) -> None:
    vectors, labels, domains = planted(2, 40, 16)
    form = ClosedForm(by_domain=by_domain, shrinkages=(), exponent=1.0)
    calibration = fit_closed_form(vectors, labels, domains, ["a", "b"], form)
    means = np.stack([vectors[domains == code].mean(axis=0, dtype=np.float64) for code in (0, 1)])
    middle, counts = means.mean(axis=0), np.bincount(domains)[:, None]
    centres = (means * counts + 4 * middle) / (counts + 4) if by_domain else np.stack([middle, middle])
    expected = vectors - centres[domains]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(calibration.apply(vectors, [["a", "b"][code] for code in domains]), expected, atol=1e-5)


def test_each_shrinkage_with_each_separation_is_a_block_with_the_same_say() -> None:
    vectors, labels, domains = planted(1, 60, 16)

    def fitted(shrinkages: tuple[float, ...], separations: tuple[float, ...]) -> np.ndarray:
        form = replace(PLAIN, shrinkages=shrinkages, separations=separations)
        return fit_closed_form(vectors, labels, domains, ["a", "b"], form).apply(vectors)

    alone = [fitted((shrinkage,), (separation,)) for shrinkage in (0.2, 0.8) for separation in (0.0, 0.5, 1.0)]
    together = fitted((0.2, 0.8), (0.0, 0.5, 1.0))
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1) / np.sqrt(6), atol=1e-6)


@pytest.mark.parametrize(
    ("widest", "places"),
    [(9 * 6, range(6)), (9 * 6 - 1, (0, 1, 2, 4, 5)), (9 * 3, (0, 2, 5)), (9 * 2, (0, 5)), (9, (3,)), (1, (3,))],
)
def test_of_many_labels_some_blocks_are_made_with_all_their_directions(
    widest: int, places: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, labels, domains = planted(1, 120, 16, classes=10)
    sorts = [(shrinkage, separation) for shrinkage in (0.2, 0.5, 0.8) for separation in (0.0, 0.5)]

    def fitted(shrinkages: tuple[float, ...], separations: tuple[float, ...]) -> np.ndarray:
        form = replace(PLAIN, shrinkages=shrinkages, separations=separations)
        return fit_closed_form(vectors, labels, domains, ["a", "b"], form).apply(vectors)

    alone = [fitted((sorts[place][0],), (sorts[place][1],)) for place in places]
    monkeypatch.setattr(discriminant, "_WIDEST", widest)
    together = fitted((0.2, 0.5, 0.8), (0.0, 0.5))
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1) / np.sqrt(len(alone)), atol=1e-6)


def test_domains_are_centred_and_their_shift_is_gone() -> None:
    vectors, labels, domains = planted(2, 300, 12)
    names = [["a", "b"][code] for code in domains]
    mapped = fit_closed_form(vectors, labels, domains, ["a", "b"]).apply(vectors, names)
    shift = mapped[domains == 0].mean(axis=0) - mapped[domains == 1].mean(axis=0)
    classes = mapped[labels == 0].mean(axis=0) - mapped[labels == 1].mean(axis=0)
    assert np.linalg.norm(shift) < 0.4 * np.linalg.norm(classes)


def test_the_order_of_domains_in_the_pool_makes_no_difference() -> None:
    vectors, labels, domains = planted(3, 50, 8)
    forwards = fit_closed_form(vectors, labels, domains, ["a", "b"])
    backwards = fit_closed_form(vectors, labels, 1 - domains, ["b", "a"])
    assert forwards.domains == backwards.domains == ("a", "b")
    assert forwards.digest() == backwards.digest()


def test_one_class_changes_nothing() -> None:
    vectors = unit_vectors(0, 10, 6)
    zeros = np.zeros(10, dtype=np.int64)
    assert fit_closed_form(vectors, zeros, zeros, ["a"]) is IDENTITY


def test_classes_that_don_t_differ_change_nothing() -> None:
    twins = np.repeat(unit_vectors(0, 1, 6), 8, axis=0)
    assert fit_closed_form(twins, np.arange(8) % 2, np.zeros(8, dtype=np.int64), ["a"]) is IDENTITY


def test_one_domain_is_centred_for_all() -> None:
    vectors, labels, _ = planted(4, 30, 8)
    calibration = fit_closed_form(vectors, labels, np.zeros(30, dtype=np.int64), ["a"])
    assert not calibration.looks_at_domains
    np.testing.assert_array_equal(calibration.apply(vectors, ["a"] * 30), calibration.apply(vectors))


def test_a_shrinkage_of_zero_is_refused_where_the_covariance_is_singular() -> None:
    vectors, labels, domains = planted(5, 10, 30)
    with pytest.raises(ValueError, match="shrinkage of 0"):
        fit_closed_form(vectors, labels, domains, ["a", "b"], replace(PLAIN, shrinkages=(0.0,)))
    vectors, labels, domains = planted(5, 200, 6)
    assert fit_closed_form(vectors, labels, domains, ["a", "b"], replace(PLAIN, shrinkages=(0.0,))).dim(6) == 2


@pytest.mark.parametrize("shrinkage", [-0.1, 1.1, float("nan")])
def test_a_shrinkage_out_of_range_is_refused(shrinkage: float) -> None:
    vectors, labels, domains = planted(6, 20, 4)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit_closed_form(vectors, labels, domains, ["a", "b"], replace(PLAIN, shrinkages=(shrinkage,)))


def test_another_exponent_than_the_vectors_were_prepared_for_is_refused() -> None:
    vectors, labels, domains = planted(6, 20, 4)
    with pytest.raises(ValueError, match="exponent"):
        Discriminants(vectors, labels, domains, ["a", "b"]).fit(PLAIN)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.integers(1, 40),
    st.integers(1, 24),
    st.integers(1, 6),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_pool_looks_like_vectors_are_finite_and_of_length_one(
    seed: int, n: int, dim: int, classes: int, domains: int, by_domain: bool, balanced: bool
) -> None:
    """Twins, classes of one image, domains of one image, classes missing from domains, images of no domain."""
    rng = np.random.default_rng(seed)
    rows = unit_vectors(seed, n, dim)[rng.integers(n, size=n)]
    labels, codes = rng.integers(classes, size=n), rng.integers(-1, domains, size=n)
    names = [f"domain {number}" for number in range(domains)]
    form = ClosedForm(by_domain=by_domain, balanced=balanced)
    calibration = fit_closed_form(rows, labels, codes, names, form)
    known = [None if code < 0 else names[code] for code in codes]
    for queries, places in ((rows, known), (unit_vectors(seed + 1, 5, dim), None)):
        mapped = calibration.apply(queries, places)
        np.testing.assert_allclose(np.linalg.norm(mapped.astype(np.float64), axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("by_domain", [False, True])
def test_a_fit_holds_the_vectors_once_more_and_no_copy_in_double_precision(
    by_domain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discriminant, "_ROWS_AT_ONCE", 256)
    monkeypatch.setattr(calibration, "_ROWS_AT_ONCE", 256)
    vectors, labels, domains = planted(0, 20_000, 64)
    tracemalloc.start()
    try:
        fit_closed_form(vectors, labels, domains, ["a", "b"], ClosedForm(by_domain=by_domain))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.7 * vectors.nbytes  # labels and domains are some of it; in double precision a copy alone were 2
