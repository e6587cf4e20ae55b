"""Intervals against all resamples there are, laws that are known, and scipy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.statistics import bootstrap
from evaluation.statistics import tally as tallying
from evaluation.statistics.accuracy import accuracy
from evaluation.statistics.bootstrap import difference, estimate, resamples
from evaluation.statistics.tally import tally


def written_out(
    worth: np.ndarray, units: np.ndarray, classes: np.ndarray, domains: np.ndarray, drawn: list[int]
) -> float:
    """The mean over domains of the macro accuracy of the queries of some units, each as often as it is drawn."""
    places = np.concatenate([np.flatnonzero(units == unit) for unit in drawn])
    means = []
    for domain in np.unique(domains[places]):
        here = places[domains[places] == domain]
        means.append(np.mean([worth[here[classes[here] == one]].mean() for one in np.unique(classes[here])]))
    return float(np.mean(means))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1), st.sampled_from([0.0, 0.5, 1.0])),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 50),
)
def test_the_figure_of_a_resample_is_that_of_its_queries_written_out(
    rows: list[tuple[int, int, int, float]], seed: int
) -> None:
    units, classes, domains = (np.array([row[at] for row in rows], np.int64) for at in range(3))
    _, units = np.unique(units, return_inverse=True)
    worth = np.array([row[3] for row in rows])
    sample = tally(worth, units, classes=classes, domains=domains)
    count = int(units.max()) + 1
    drawn = np.random.default_rng(seed).integers(count, size=(3, count))
    counts = np.array([np.bincount(each, minlength=count) for each in drawn])
    assert sample.figures(counts) == pytest.approx(
        [written_out(worth, units, classes, domains, each.tolist()) for each in drawn]
    )
    assert sample.value() == pytest.approx(written_out(worth, units, classes, domains, list(range(count))))


def densely(right: np.ndarray, units: np.ndarray, classes: np.ndarray, domains: np.ndarray, seed: int) -> list[float]:
    """The figure and its percentiles from arrays with a place for every unit, domain and class there is."""
    place = (units, domains, classes)
    worth, asked = (np.zeros([int(codes.max()) + 1 for codes in place]) for _ in range(2))
    np.add.at(worth, place, right)
    np.add.at(asked, place, 1.0)

    def figures(counts: np.ndarray) -> np.ndarray:
        parts, wholes = (np.tensordot(counts.astype(np.float64), sums, axes=1) for sums in (worth, asked))
        shares = np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)
        of_classes, present = shares.sum(axis=2), (wholes > 0).sum(axis=2)
        means = np.divide(of_classes, present, out=np.zeros_like(of_classes), where=present > 0)
        return means.sum(axis=1) / (present > 0).sum(axis=1)

    drawn = np.concatenate([figures(counts) for counts in resamples(len(worth), seed=seed, draws=300)])
    return [float(figures(np.ones((1, len(worth)), np.int64))[0]), *np.percentile(drawn, [2.5, 97.5]).tolist()]


@pytest.mark.parametrize("at_once", [1, 500, 100_000])
@pytest.mark.parametrize(("many", "classes", "domains"), [(1, 1, 1), (40, 1, 1), (60, 3, 2), (90, 30, 9), (300, 7, 1)])
def test_keeping_only_what_is_there_changes_no_digit(
    monkeypatch: pytest.MonkeyPatch, many: int, classes: int, domains: int, at_once: int
) -> None:
    monkeypatch.setattr(tallying, "_AT_ONCE", at_once)
    rng = np.random.default_rng(many)
    for units in (np.arange(many), np.unique(rng.integers(1 + many // 3, size=many), return_inverse=True)[1]):
        place = {"classes": rng.integers(classes, size=many), "domains": rng.integers(domains, size=many)}
        one, other = (rng.integers(2, size=many).astype(np.float64) for _ in range(2))
        found = estimate(tally(one, units, **place), seed=5, draws=300)
        assert [found.value, found.low, found.high] == densely(one, units, **place, seed=5)
        assert difference(tally(one, units, **place), tally(other, units, **place)).value == (
            found.value - densely(other, units, **place, seed=5)[0]
        )


def test_images_without_a_group_have_an_entry_each_however_many_classes_and_domains_there_are() -> None:
    codes = np.arange(30_000)
    sample = tally(np.ones(30_000), codes, classes=codes % 70, domains=codes % 31)
    assert (sample.units, sample.domains, sample.classes) == (30_000, 31, 70)
    assert len(sample.unit) == len(sample.cell) == len(sample.worth) == len(sample.asked) == 30_000


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", None])), min_size=1, max_size=20))
def test_the_values_are_the_accuracies(pairs: list[tuple[str, str | None]]) -> None:
    truth, answers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    right = np.array([one == other for one, other in pairs], np.float64)
    units, classes = np.arange(len(pairs)), np.array(["abc".index(label) for label in truth])
    assert tally(right, units).value() == pytest.approx(accuracy(truth, answers))
    assert tally(right, units, classes=classes).value() == pytest.approx(
        np.mean([right[classes == one].mean() for one in np.unique(classes)])
    )


def test_percentiles_are_those_of_all_resamples_of_patients_there_are() -> None:
    worth = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    units = np.array([0, 0, 0, 1, 2, 2, 3])
    all_of_them = []
    for drawn in product(range(4), repeat=4):
        places = np.concatenate([np.flatnonzero(units == unit) for unit in drawn])
        all_of_them.append(worth[places].mean())
    found = estimate(tally(worth, units), draws=40_000)
    low, high = np.percentile(all_of_them, [2.5, 97.5])
    assert (found.value, found.low, found.high) == pytest.approx((4 / 7, low, high), abs=1e-9)


def test_images_that_are_right_together_count_as_one() -> None:
    rng = np.random.default_rng(0)
    right = (rng.random(150) < 0.7).astype(np.float64)
    patients = np.arange(150)
    alone = estimate(tally(right, patients), draws=4000)
    with_copies = estimate(tally(np.repeat(right, 6), np.repeat(patients, 6)), draws=4000)
    as_if_independent = estimate(tally(np.repeat(right, 6), np.arange(900)), draws=4000)
    assert with_copies == alone
    narrower = (as_if_independent.high - as_if_independent.low) / (alone.high - alone.low)
    assert narrower == pytest.approx(1 / np.sqrt(6), rel=0.1)


def test_an_accuracy_resamples_as_its_binomial_law_says() -> None:
    right = np.array([1.0] * 140 + [0.0] * 60)
    found = estimate(tally(right, np.arange(200)), draws=20_000)
    low, high = stats.binom.ppf([0.025, 0.975], 200, 0.7) / 200
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0051)  # one query of 200


def test_a_difference_is_resampled_in_pairs_as_scipy_does() -> None:
    rng = np.random.default_rng(1)
    one = rng.random(300) < 0.6
    other = np.where(rng.random(300) < 0.8, one, rng.random(300) < 0.5)
    units = np.arange(300)
    found = difference(tally(one.astype(float), units), tally(other.astype(float), units), draws=9999)
    reference = stats.bootstrap(
        (one.astype(float), other.astype(float)),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=9999,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert found.value == pytest.approx(one.mean() - other.mean())
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.007)


def test_the_same_answers_differ_by_nothing_for_certain() -> None:
    sample = tally(np.array([1.0, 0.0, 1.0]), np.array([0, 1, 1]))
    assert difference(sample, sample) == bootstrap.Estimate(0.0, 0.0, 0.0)


def test_answers_to_other_queries_have_no_paired_difference() -> None:
    one = tally(np.ones(3), np.array([0, 1, 1]), classes=np.array([0, 1, 0]))
    for units, classes in (
        ([0, 0, 1], [0, 1, 0]),
        ([0, 1, 1], [0, 1, 1]),
        ([0, 1, 2], [0, 1, 0]),
        ([0, 1, 1], [0, 1, 2]),
    ):
        with pytest.raises(ValueError, match="the same queries"):
            difference(one, tally(np.ones(3), np.array(units), classes=np.array(classes)))
    assert difference(one, tally(np.zeros(3), np.array([1, 0, 1]), classes=np.array([1, 0, 0]))).value == 1.0


def test_resamples_are_the_same_however_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resamples(7, seed=3, draws=50)))
    monkeypatch.setattr(bootstrap, "_COUNTS_AT_ONCE", 20)
    parts = list(resamples(7, seed=3, draws=50))
    assert len(parts) == 25
    assert np.array_equal(np.concatenate(parts), whole)
    assert (whole.sum(axis=1) == 7).all()
    assert not np.array_equal(whole, np.concatenate(list(resamples(7, seed=4, draws=50))))
