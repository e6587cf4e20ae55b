"""How good answers are, as a share from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["accuracy"]


def accuracy(truth: Sequence[str], answers: Sequence[str | None]) -> float:
    """Share of the queries that are answered rightly; None is a query without an answer, and wrong.

    Args:
        truth: Label of each query; at least one.
        answers: Answer to each query.
    """
    return sum(label == answer for label, answer in zip(truth, answers, strict=True)) / len(truth)
