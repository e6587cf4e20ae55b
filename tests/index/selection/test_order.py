from __future__ import annotations

import numpy as np
import pytest

from index.selection.order import prompt_order

LABELS = np.array([7, 7, 3, 7, 9, 3])
DRAWN = np.array([50, 10, 40, 20, 60, 30], dtype=np.uint64)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("nearest_first", [0, 1, 2, 3, 4, 5]),
        ("nearest_last", [5, 4, 3, 2, 1, 0]),
        ("interleaved", [3, 5, 1, 4, 2, 0]),
        ("shuffled", [1, 3, 5, 2, 0, 4]),
    ],
)
def test_the_chosen_stand_in_the_order_asked_for(order: str, expected: list[int]) -> None:
    assert prompt_order(order, LABELS, DRAWN).tolist() == expected


@pytest.mark.parametrize("order", ["nearest_first", "nearest_last", "interleaved", "shuffled"])
def test_nothing_chosen_is_nothing_ordered(order: str) -> None:
    assert prompt_order(order, np.array([], dtype=np.int32), np.array([], dtype=np.uint64)).tolist() == []
