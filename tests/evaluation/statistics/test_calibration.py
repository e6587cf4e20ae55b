from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from evaluation.statistics.calibration import brier_score, expected_calibration_error, reliability_bins

_ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(_ANSWERS, st.integers(1, 15))
def test_bins_and_error_are_those_counted_one_by_one(answers: list[tuple[float, bool]], bins: int) -> None:
    confidence = np.array([answer[0] for answer in answers])
    right = np.array([answer[1] for answer in answers])
    found = reliability_bins(confidence, right, bins=bins)
    assert (len(found), found[0].low, found[-1].high) == (bins, 0.0, 1.0)
    error = 0.0
    for number, each in enumerate(found):
        last = number == bins - 1
        inside = [(c, r) for c, r in answers if each.low <= c and (c < each.high or last)]
        assert each.count == len(inside)
        if inside:
            assert each.confidence == pytest.approx(np.mean([c for c, _ in inside]))
            assert each.accuracy == pytest.approx(np.mean([r for _, r in inside]))
            error += abs(sum(c for c, _ in inside) - sum(r for _, r in inside)) / len(answers)
        else:
            assert math.isnan(each.confidence)
            assert math.isnan(each.accuracy)
    assert expected_calibration_error(found) == pytest.approx(error)


@given(_ANSWERS)
def test_the_brier_score_is_scikit_learns(answers: list[tuple[float, bool]]) -> None:
    confidence = np.array([answer[0] for answer in answers])
    right = np.array([answer[1] for answer in answers])
    assert brier_score(confidence, right) == pytest.approx(brier_score_loss(right, confidence, pos_label=True))


def test_a_value_on_an_edge_lies_in_the_bin_above_it() -> None:
    found = reliability_bins(np.array([0.3, 0.7, 1.0]), np.array([True, True, True]))
    assert [each.count for each in found] == [0, 0, 0, 1, 0, 0, 0, 1, 0, 1]


def test_honest_confidence_has_no_error_and_nobody_answering_has_none_to_tell() -> None:
    confidence = np.full(10, 0.75)
    right = np.arange(10) % 4 < 3
    assert expected_calibration_error(reliability_bins(confidence[:8], right[:8])) == pytest.approx(0.0)
    nobody = np.empty(0), np.empty(0, np.bool_)
    assert math.isnan(expected_calibration_error(reliability_bins(*nobody)))
    assert math.isnan(brier_score(*nobody))
