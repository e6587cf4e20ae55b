"""95 % intervals by resampling queries: Efron, Bootstrap Methods, 1979, https://doi.org/10.1214/aos/1176344552."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

__all__ = ["DRAWS", "Estimate", "Sample", "estimate", "macro_shares", "shares"]

DRAWS = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure and the 2.5th and 97.5th percentile of its resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of queries: a domain's, as a rule.

    Attributes:
        labels: (queries,) class of each.
        worth: (queries,) what each counts, from 0 to 1: answered rightly, or its share of hits; over several seeds
            their mean, so that a query is drawn with all of its answers.
        macro: Whether every class counts the same.
    """

    labels: NDArray[np.int64]
    worth: NDArray[np.float64]
    macro: bool = False


def estimate(samples: Sequence[Sequence[Sample]], *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """The mean over domains of the mean over each one's samples; every sample is resampled within itself.

    Args:
        samples: For each domain its samples: one, or several with different queries.
        seed: Of the resamples, which are the same for every row: differences between rows aren't noise of the draw.
        draws: How many resamples.
    """
    value, resampled = 0.0, np.zeros(draws)
    for number, domain in enumerate(samples):
        for part, sample in enumerate(domain):
            n, weight = len(sample.labels), 1.0 / (len(samples) * len(domain))
            rng = np.random.default_rng([seed, number, part])
            counts = rng.multinomial(n, np.full(n, 1.0 / n), size=draws)
            figure = macro_shares if sample.macro else shares
            value += weight * float(figure(sample, np.ones((1, n), dtype=np.int64))[0])
            resampled += weight * figure(sample, counts)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def shares(sample: Sample, counts: Int64[np.ndarray, "draws queries"]) -> Float64[np.ndarray, " draws"]:
    """Mean worth, each query counted so many times."""
    mean: Float64[np.ndarray, " draws"] = counts @ sample.worth / counts.sum(axis=1)
    return mean


def macro_shares(sample: Sample, counts: Int64[np.ndarray, "draws queries"]) -> Float64[np.ndarray, " draws"]:
    """Mean over the classes that were drawn of the mean worth within each."""
    own = (sample.labels[:, None] == np.unique(sample.labels)[None, :]).astype(np.float64)
    drawn, right = counts @ own, (counts * sample.worth) @ own
    recalls = np.divide(right, drawn, out=np.zeros_like(right), where=drawn > 0)
    mean: Float64[np.ndarray, " draws"] = recalls.sum(axis=1) / (drawn > 0).sum(axis=1)
    return mean
