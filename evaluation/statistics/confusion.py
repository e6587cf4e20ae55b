"""What is taken for what: the confusion matrix and each class's recall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from encoders.adaptation.coding import UNKNOWN, code

__all__ = ["confusion_matrix", "recalls"]


def confusion_matrix(
    truth: Sequence[str], answers: Sequence[str | None], classes: Sequence[str]
) -> Int64[np.ndarray, "classes told"]:
    """How many queries of each class got each answer.

    Args:
        truth: Label of each query, one of the classes.
        answers: Answer to each; None for none.
        classes: The labels, in the order of rows and columns.

    Returns:
        (classes, classes + 1): row by truth, column by answer, the last for queries without an answer.

    Raises:
        ValueError: A label or an answer is none of the classes.

    Example:
        >>> confusion_matrix(["cat", "cat", "dog"], ["cat", None, "cat"], ["cat", "dog"]).tolist()
        [[1, 0, 1], [1, 0, 0]]
    """
    rows, columns = code(truth, classes), code(answers, classes)
    unasked = np.array([answer is None for answer in answers], dtype=np.bool_)
    if (rows == UNKNOWN).any() or ((columns == UNKNOWN) & ~unasked).any():
        raise ValueError("a label or an answer is none of the classes")
    counts = np.zeros((len(classes), len(classes) + 1), dtype=np.int64)
    np.add.at(counts, (rows, np.where(unasked, len(classes), columns)), 1)
    return counts


def recalls(confusion: Int64[np.ndarray, "classes told"]) -> Float64[np.ndarray, " classes"]:
    """Share of each class's queries that are answered rightly; NaN for a class that no query has.

    Args:
        confusion: Of `confusion_matrix`.
    """
    asked = confusion.sum(axis=1)
    right = np.diagonal(confusion)
    shares = np.full(len(asked), np.nan)
    np.divide(right, asked, out=shares, where=asked > 0)
    return shares
