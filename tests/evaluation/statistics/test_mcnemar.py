from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evaluation.statistics.mcnemar import mcnemar


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_it_is_the_exact_test_of_a_fair_coin(pairs: list[tuple[bool, bool]]) -> None:
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    found = mcnemar(one, other)
    assert found.only_one == sum(a and not b for a, b in pairs)
    assert found.only_other == sum(b and not a for a, b in pairs)
    tosses = found.only_one + found.only_other
    assert found.p_value == pytest.approx(binomtest(found.only_one, tosses).pvalue if tosses else 1.0)


def test_the_p_value_counts_all_ways_that_the_coins_could_have_fallen() -> None:
    one, other = np.array([True] * 7 + [False] * 2), np.array([False] * 7 + [True] * 2)
    uneven = [sum(coins) for coins in product((0, 1), repeat=9) if abs(sum(coins) - 4.5) >= 2.5]
    assert mcnemar(one, other).p_value == len(uneven) / 2**9


def test_ten_thousand_queries_are_no_matter() -> None:
    one = np.arange(10_000) < 5200
    found = mcnemar(one, ~one)
    assert found.p_value == pytest.approx(binomtest(5200, 10_000).pvalue, rel=1e-9)
    assert mcnemar(np.ones(10_000, np.bool_), np.zeros(10_000, np.bool_)).p_value == 0.0
