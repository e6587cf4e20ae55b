"""When to abstain: answers by how familiar their query looks, and the threshold from which they are good enough.

Source: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, 2010,
https://www.jmlr.org/papers/v11/el-yaniv10a.html (the risk–coverage trade-off).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["CoveragePoint", "coverage_curve", "threshold_for"]

LEAST_ANSWERED = 30


@dataclass(frozen=True)
class CoveragePoint:
    """What is answered from a threshold on.

    Attributes:
        threshold: Least familiarity that is answered.
        answered: How many queries.
        coverage: Their share of all.
        accuracy: Share of them that is answered rightly.
    """

    threshold: float
    answered: int
    coverage: float
    accuracy: float


def coverage_curve(
    familiarity: Float64[np.ndarray, " queries"], right: Bool[np.ndarray, " queries"]
) -> list[CoveragePoint]:
    """A point for each threshold that answers another number of queries, the strictest first.

    Queries of the same familiarity are answered together or not at all, so the last point answers all.

    Args:
        familiarity: Of each query: the larger, the more like the pool. At least one.
        right: Whether it is answered rightly.
    """
    order = np.argsort(-familiarity, kind="stable")
    sorted_, hits = familiarity[order], np.cumsum(right[order])
    ends = np.append(np.flatnonzero(np.diff(sorted_)), len(order) - 1)
    return [
        CoveragePoint(float(sorted_[end]), end + 1, (end + 1) / len(order), float(hits[end] / (end + 1)))
        for end in ends.tolist()
    ]


def threshold_for(curve: list[CoveragePoint], accuracy: float, *, least: int = LEAST_ANSWERED) -> CoveragePoint | None:
    """The point that answers the most with at least an accuracy.

    The accuracy is that of the queries it was learnt from; those to come may do worse.

    Args:
        curve: Of `coverage_curve`.
        accuracy: What is wanted.
        least: Points that answer fewer say too little.

    Returns:
        The point; None where there is none.
    """
    good = [point for point in curve if point.answered >= least and point.accuracy >= accuracy]
    return max(good, key=lambda point: point.answered, default=None)
