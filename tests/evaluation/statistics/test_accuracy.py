from __future__ import annotations

import pytest

from evaluation.statistics.accuracy import accuracy, macro_accuracy, precision_at_k

TRUTH = ["cat", "cat", "cat", "dog"]
ANSWERS = ["cat", "dog", "cat", None]


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert accuracy(TRUTH, ANSWERS) == 0.5


def test_macro_accuracy_is_the_mean_recall_over_the_labels_that_were_asked_for() -> None:
    assert macro_accuracy(TRUTH, ANSWERS) == pytest.approx((2 / 3 + 0) / 2)


def test_answers_with_a_label_that_no_query_has_add_no_class() -> None:
    assert macro_accuracy(["cat", "cat"], ["emu", "cat"]) == 0.5


def test_precision_counts_a_missing_demonstration_as_wrong() -> None:
    assert precision_at_k(["cat", "dog"], [["cat", "dog"], ["dog"]], k=2) == 0.5


def test_precision_reads_a_query_without_demonstrations_as_zero() -> None:
    assert precision_at_k(["cat"], [[]], k=7) == 0.0
