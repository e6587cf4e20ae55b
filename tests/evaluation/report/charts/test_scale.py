"""Places on an axis, and its round values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.report.charts.scale import Scale, ticks


def test_ends_and_middle_lie_where_they_should() -> None:
    up = Scale(0.2, 0.6, 212.0, 10.0)
    assert (up(0.2), up(0.6)) == (212.0, 10.0)
    assert up(0.4) == pytest.approx(111.0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.31, 0.77, [0.4, 0.5, 0.6, 0.7]),
        (0.2, 0.23, [0.2, 0.21, 0.22, 0.23]),
        (0.0, 0.3, [0.0, 0.1, 0.2, 0.3]),
        (-0.05, 0.05, [-0.04, -0.02, 0.0, 0.02, 0.04]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@given(st.floats(-1, 1), st.floats(0.001, 2))
def test_ticks_lie_between_the_ends_and_are_few(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 <= value <= low + width + 1e-6 for value in found)
