from __future__ import annotations

import numpy as np
import pytest

from encoders.normalise import directed, l2_normalised
from invariantselect.errors import InternalError


def test_rows_get_length_one_however_long_they_were() -> None:
    rows = np.array([[3, 4], [3e-30, 4e-30], [3e30, 4e30]], np.float32)
    np.testing.assert_allclose(l2_normalised(rows), [[0.6, 0.8]] * 3, rtol=1e-6)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_vector_without_a_direction_is_never_passed_on(bad: float) -> None:
    with pytest.raises(InternalError, match="zero or not finite"):
        l2_normalised(np.array([[1, 2], [bad, bad]], np.float32))


def test_features_of_nothing_point_nowhere_in_particular() -> None:
    rows = np.array([[3, 4, 0, 0], [0, 0, 0, 0], [1e-9, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(directed(rows), [[0.6, 0.8, 0, 0], [0.5] * 4, [0.5] * 4], rtol=1e-6)
    assert np.array_equal(directed(rows[:1]), l2_normalised(rows[:1]))
    assert directed(rows[:0]).shape == (0, 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_never_passed_on(bad: float) -> None:
    with pytest.raises(InternalError, match="not finite"):
        directed(np.array([[0, 0], [1, bad]], np.float32))
