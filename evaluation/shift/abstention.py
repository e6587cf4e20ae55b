"""When to abstain: answers by how far they are to be trusted, and the threshold from which they are good enough.

Source: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, 2010,
https://www.jmlr.org/papers/v11/el-yaniv10a.html (the risk–coverage trade-off).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["LEAST_ANSWERED", "CoveragePoint", "best_of", "coverage_curve", "points_at", "ranking_of", "threshold_for"]

LEAST_ANSWERED = 30


@dataclass(frozen=True)
class CoveragePoint:
    """What is answered from a threshold on.

    Attributes:
        threshold: Least trust that is answered.
        answered: How many queries.
        coverage: Their share of all.
        accuracy: Share of them that is answered rightly.
    """

    threshold: float
    answered: int
    coverage: float
    accuracy: float


def coverage_curve(trust: Float64[np.ndarray, " queries"], right: Bool[np.ndarray, " queries"]) -> list[CoveragePoint]:
    """A point for each threshold that answers another number of queries, the strictest first.

    Queries of the same trust are answered together or not at all, so the last point answers all.

    Args:
        trust: In the answer of each query: the larger, the sooner it is given. At least one.
        right: Whether it is answered rightly.
    """
    order = np.argsort(-trust, kind="stable")
    sorted_, hits = trust[order], np.cumsum(right[order])
    ends = np.append(np.flatnonzero(np.diff(sorted_)), len(order) - 1)
    return [
        CoveragePoint(float(sorted_[end]), end + 1, (end + 1) / len(order), float(hits[end] / (end + 1)))
        for end in ends.tolist()
    ]


def threshold_for(
    curve: Sequence[CoveragePoint], accuracy: float, *, least: int = LEAST_ANSWERED
) -> CoveragePoint | None:
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


def best_of(curve: Sequence[CoveragePoint], *, least: int = LEAST_ANSWERED) -> CoveragePoint | None:
    """The most accurate point, of equals the one that answers the most: how far an accuracy that was wanted is off.

    Args:
        curve: Of `coverage_curve`.
        least: As for `threshold_for`.

    Returns:
        The point; None where none answers enough.
    """
    enough = [point for point in curve if point.answered >= least]
    return max(enough, key=lambda point: (point.accuracy, point.answered), default=None)


def points_at(curve: Sequence[CoveragePoint], steps: int) -> list[CoveragePoint]:
    """A few points of a curve, to be looked at: for each 1/steps of coverage the strictest that has at least so much.

    Args:
        curve: Of `coverage_curve`.
        steps: At most so many points; fewer where one threshold passes several steps.
    """
    total = curve[-1].answered
    found: list[CoveragePoint] = []
    remaining = iter(curve)
    for step in range(1, steps + 1):
        if found and found[-1].answered * steps >= step * total:
            continue
        found.append(next(point for point in remaining if point.answered * steps >= step * total))
    return found


def ranking_of(trust: Float64[np.ndarray, " queries"], right: Bool[np.ndarray, " queries"]) -> float | None:
    """How often a right answer is trusted more than a wrong one, over all such pairs.

    It is the area under the ROC curve: 1 where trust divides right from wrong, a half where it says nothing. A pair of
    the same trust counts half. Source: Hanley and McNeil, The Meaning and Use of the Area under a
    Receiver Operating Characteristic (ROC) Curve, 1982, https://doi.org/10.1148/radiology.143.1.7063747.

    Args:
        trust: As for `coverage_curve`.
        right: Likewise.

    Returns:
        The share; None where all queries are answered rightly, or none.
    """
    wrong = np.sort(trust[~right])
    hits = trust[right]
    if not len(wrong) or not len(hits):
        return None
    below = np.searchsorted(wrong, hits, side="left") + np.searchsorted(wrong, hits, side="right")
    return float(below.sum() / (2.0 * len(hits) * len(wrong)))
