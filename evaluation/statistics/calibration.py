"""Does a confidence of 0.8 mean four right answers in five?

Sources: Guo et al., On Calibration of Modern Neural Networks, 2017, https://arxiv.org/abs/1706.04599 (reliability
bins, expected calibration error); Brier, Verification of Forecasts Expressed in Terms of Probability, 1950,
https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["Bin", "brier_score", "expected_calibration_error", "reliability_bins"]

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence.

    Attributes:
        low: Confidence from which on.
        high: Confidence up to which: not including it, but for the last bin.
        count: How many answers.
        confidence: Their mean confidence; NaN without answers.
        accuracy: The share that is right; NaN without answers.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability_bins(
    confidence: Float64[np.ndarray, " answers"], right: Bool[np.ndarray, " answers"], *, bins: int = BINS
) -> list[Bin]:
    """Answers by confidence, in bins of equal width from 0 to 1: what a reliability diagram shows.

    Args:
        confidence: Of each answer that was given, from 0 to 1. Queries without an answer have none to be judged.
        right: Whether it is right.
        bins: How many.
    """
    # Divided, for linspace puts the third of ten at 0.30000000000000004; and compared, for 0.29 · 100 is below 29.
    edges = np.arange(bins + 1) / bins
    places = np.minimum(np.searchsorted(edges, confidence, side="right") - 1, bins - 1)
    return [
        Bin(
            float(edges[number]),
            float(edges[number + 1]),
            int(inside.sum()),
            float(confidence[inside].mean()) if inside.any() else float("nan"),
            float(right[inside].mean()) if inside.any() else float("nan"),
        )
        for number in range(bins)
        for inside in [places == number]
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Σ (answers of the bin / all) · |accuracy − confidence|: 0 for honest confidence, at most 1.

    Args:
        bins: Of `reliability_bins`.

    Returns:
        The error; NaN without answers.
    """
    total = sum(each.count for each in bins)
    if total == 0:
        return float("nan")
    return sum(each.count / total * abs(each.accuracy - each.confidence) for each in bins if each.count)


def brier_score(confidence: Float64[np.ndarray, " answers"], right: Bool[np.ndarray, " answers"]) -> float:
    """Mean of (confidence − 1 or 0 for right or wrong)², of the answer alone: 0 for a learner that knows, at most 1.

    Args:
        confidence: Of each answer that was given, from 0 to 1.
        right: Whether it is right.

    Returns:
        The score; NaN without answers.
    """
    return float(np.square(confidence - right).mean()) if len(confidence) else float("nan")
