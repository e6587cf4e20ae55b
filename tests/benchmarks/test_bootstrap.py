import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.quality.bootstrap import Sample, estimate


def test_an_accuracy_resamples_as_its_binomial_law_says():
    right = np.array([1.0] * 140 + [0.0] * 60)
    found = estimate([[Sample(np.zeros(200, dtype=np.int64), right)]], draws=20_000)
    low, high = binom.ppf([0.025, 0.975], 200, 0.7) / 200
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(low, abs=0.0051)  # one query of 200, in an estimated percentile
    assert found.high == pytest.approx(high, abs=0.0051)


def test_the_mean_over_domains_has_the_deviation_of_a_mean_of_independent_ones():
    labels = np.zeros(400, dtype=np.int64)
    even, few = np.tile([0.0, 1.0], 200), np.tile([0.0, 0.0, 0.0, 1.0], 100)
    found = estimate([[Sample(labels, even)], [Sample(labels, few)]], draws=20_000)
    deviation = 0.5 * np.sqrt(0.25 / 400 + 0.1875 / 400)
    assert found.value == pytest.approx(0.375)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(deviation, rel=0.03)


def test_what_never_varies_has_no_interval():
    found = estimate([[Sample(np.array([0, 1, 1]), np.ones(3), macro=True)]])
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_the_same_seed_gives_the_same_interval():
    sample = Sample(np.zeros(30, dtype=np.int64), np.linspace(0, 1, 30))
    assert estimate([[sample]]) == estimate([[sample]])
    assert estimate([[sample]]) != estimate([[sample]], seed=1)


def test_macro_samples_give_each_class_the_same_weight_and_seeds_of_a_domain_the_same():
    labels = np.array([0, 0, 0, 1])
    one, other = np.array([1.0, 1.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])
    plain = estimate([[Sample(labels, one), Sample(labels, other)]])
    macro = estimate([[Sample(labels, one, macro=True)], [Sample(labels, other, macro=True)]])
    assert plain.value == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert macro.value == pytest.approx((1 / 2 + 1 / 3) / 2)
