"""What a contestant is judged by: how well held-out images are answered by the nearest of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from jaxtyping import Float32, Int64

from encoders.adaptation.retrieval import accuracy, macro_accuracy, nearest, precision, voted

__all__ = ["Figures", "judged", "mean_of"]

_NEIGHBOURS = 7


@dataclass(frozen=True)
class Figures:
    """Shares from 0 to 1, of a vote of the 7 nearest weighted by similarity.

    Attributes:
        accuracy: Queries that are answered rightly.
        macro_accuracy: Mean recall over the classes.
        precision: Neighbours that share the query's class.
    """

    accuracy: float
    macro_accuracy: float
    precision: float

    @property
    def score(self) -> float:
        """What contestants are compared by: the mean of the three.

        Accuracy alone forgets rare classes, macro accuracy alone hangs on a handful of images, and precision moves
        when neither does.
        """
        return (self.accuracy + self.macro_accuracy + self.precision) / 3

    def to_json(self) -> dict[str, float]:
        """The figures and their score, rounded to what they are worth."""
        return {**{name: round(value, 4) for name, value in asdict(self).items()}, "score": round(self.score, 4)}


def judged(
    pool: Float32[np.ndarray, "n dim"],
    pool_labels: Int64[np.ndarray, " n"],
    queries: Float32[np.ndarray, "queries dim"],
    query_labels: Int64[np.ndarray, " queries"],
) -> Figures:
    """The figures of one fold.

    Args:
        pool: (n, dim), L2-normalised, with the class of each; at least one.
        pool_labels: (n,), at least 0.
        queries: (queries, dim), L2-normalised, with the class of each; at least one.
        query_labels: (queries,), at least 0.
    """
    found = nearest(queries, pool, _NEIGHBOURS)
    answers = voted(found, pool_labels)
    return Figures(
        accuracy(answers, query_labels),
        macro_accuracy(answers, query_labels),
        precision(found, pool_labels, query_labels),
    )


def mean_of(figures: Sequence[Figures]) -> Figures:
    """The mean over folds, each with the same weight."""
    return Figures(
        fmean(each.accuracy for each in figures),
        fmean(each.macro_accuracy for each in figures),
        fmean(each.precision for each in figures),
    )
