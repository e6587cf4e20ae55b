from __future__ import annotations

from evaluation.statistics.accuracy import accuracy


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert accuracy(["cat", "cat", "cat", "dog"], ["cat", "dog", "cat", None]) == 0.5
