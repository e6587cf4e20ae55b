"""How good answers and retrieved demonstrations are, as shares from 0 to 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["accuracy", "macro_accuracy", "precision_at_k"]


def accuracy(truth: Sequence[str], answers: Sequence[str | None]) -> float:
    """Share of the queries that are answered rightly; None is a query without an answer, and wrong.

    Args:
        truth: Label of each query; at least one.
        answers: Answer to each query.
    """
    return sum(_right(truth, answers)) / len(truth)


def macro_accuracy(truth: Sequence[str], answers: Sequence[str | None]) -> float:
    """Mean recall over the labels present among the queries: a rare class counts as much as a common one.

    Args:
        truth: Label of each query; at least one.
        answers: Answer to each query; None for none.
    """
    present = Counter(truth)
    recalled = Counter(label for label, right in zip(truth, _right(truth, answers), strict=True) if right)
    return sum(recalled[label] / count for label, count in present.items()) / len(present)


def precision_at_k(truth: Sequence[str], retrieved: Sequence[Sequence[str]], k: int) -> float:
    """Mean share of the k demonstrations that have the query's label; a missing one counts as a wrong one.

    Args:
        truth: Label of each query; at least one.
        retrieved: Labels of each query's demonstrations, at most k.
        k: How many were asked for.
    """
    hits = sum(list(labels).count(label) for label, labels in zip(truth, retrieved, strict=True))
    return hits / (k * len(truth))


def _right(truth: Sequence[str], answers: Sequence[str | None]) -> list[bool]:
    return [label == answer for label, answer in zip(truth, answers, strict=True)]
