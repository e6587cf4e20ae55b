"""What a contestant is judged by: how well held-out images are answered by the nearest of the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

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
        queries: For each fold (queries,) float64, what each query adds to the score; their mean is the fold's score.
    """

    accuracy: float
    macro_accuracy: float
    precision: float
    queries: tuple[NDArray[np.float64], ...] = field(default=(), repr=False, compare=False)

    @property
    def score(self) -> float:
        """What contestants are compared by: the mean of the three.

        Accuracy alone forgets rare classes, macro accuracy alone hangs on a handful of images, and precision moves
        when neither does.
        """
        return (self.accuracy + self.macro_accuracy + self.precision) / 3

    def to_json(self) -> dict[str, float]:
        """The figures and their score, rounded to what they are worth."""
        figures = {name: getattr(self, name) for name in ("accuracy", "macro_accuracy", "precision", "score")}
        return {name: round(value, 4) for name, value in figures.items()}

    def doubt(self, other: Figures) -> float:
        """How far chance alone moves the difference of two scores on the same queries: one standard deviation.

        Where neither space is better, a query that they answer differently speaks for either as often: McNemar 1947,
        https://doi.org/10.1007/BF02295996, for a score in place of a right or wrong answer.

        Raises:
            ValueError: The two were judged on other queries.
        """
        if [len(mine) for mine in self.queries] != [len(theirs) for theirs in other.queries]:
            raise ValueError("these figures are not of the same queries")
        squares = [
            float(((mine - theirs) ** 2).sum()) / len(mine) ** 2
            for mine, theirs in zip(self.queries, other.queries, strict=True)
        ]
        return math.sqrt(math.fsum(squares)) / max(1, len(squares))


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
        (_by_query(answers == query_labels, found.labels(pool_labels) == query_labels[:, None], query_labels),),
    )


def mean_of(figures: Sequence[Figures]) -> Figures:
    """The mean over folds, each with the same weight."""
    return Figures(
        fmean(each.accuracy for each in figures),
        fmean(each.macro_accuracy for each in figures),
        fmean(each.precision for each in figures),
        tuple(queries for each in figures for queries in each.queries),
    )


def _by_query(
    right: Bool[np.ndarray, " queries"], shared: Bool[np.ndarray, "queries k"], labels: Int64[np.ndarray, " queries"]
) -> Float64[np.ndarray, " queries"]:
    """Each query's part of the score: the macro accuracy weighs it by the rarity of its class."""
    _, places, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    rarity = len(labels) / (len(sizes) * sizes[places])
    return np.asarray((right * (1.0 + rarity) + shared.mean(axis=1)) / 3.0, dtype=np.float64)
