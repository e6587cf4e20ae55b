"""Intervals by resampling: what the figures would have been with other patients of the same kind.

Groups are drawn, not images: two images of one patient are right or wrong together, and an interval that takes them for
independent is too narrow. Intervals are percentiles of the resamples.
Sources: Efron, Bootstrap Methods, 1979, https://doi.org/10.1214/aos/1176344552; of clusters: Field and Welsh,
Bootstrapping Clustered Data, 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x (the "cluster bootstrap"); of
differences on the same queries: Koehn, Statistical Significance Tests for Machine Translation Evaluation, 2004,
https://aclanthology.org/W04-3250.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from evaluation.statistics.tally import Tally

__all__ = ["DRAWS", "Estimate", "difference", "estimate", "resamples"]

DRAWS = 1000
_COUNTS_AT_ONCE = 4_000_000  # 32 MB of int64


@dataclass(frozen=True)
class Estimate:
    """A figure and the 2.5th and 97.5th percentile of its resamples."""

    value: float
    low: float
    high: float


def estimate(sample: Tally, *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """A figure with its 95 % interval.

    Args:
        sample: The answers; at least one unit.
        seed: Of the resamples. Samples with the same number of units are resampled alike.
        draws: How many resamples.

    Example:
        >>> right, patients = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 2])
        >>> estimate(tally(right, patients)).value
        0.75
    """
    return _interval(sample.value(), _figures(sample, seed, draws))


def difference(one: Tally, other: Tally, *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """How much more the one is than the other, each resample drawn for both: what they have in common falls out.

    An interval that doesn't hold 0 says that the two differ, at the level of 5 %.

    Args:
        one: Answers of one strategy.
        other: Of another one, to the same queries in the same units.
        seed: Of the resamples.
        draws: How many.

    Raises:
        ValueError: The two weren't asked the same.
    """
    if not one.asks_as(other):
        raise ValueError("a paired difference is of answers to the same queries")
    return _interval(one.value() - other.value(), _figures(one, seed, draws) - _figures(other, seed, draws))


def resamples(units: int, *, seed: int | list[int], draws: int) -> Iterator[Int64[np.ndarray, "some units"]]:
    """How often each unit is drawn in each resample, some resamples at a time.

    Args:
        units: How many there are, and how many are drawn with replacement.
        seed: Of the draw.
        draws: How many resamples in all.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _COUNTS_AT_ONCE // units)
    for start in range(0, draws, step):
        some = min(step, draws - start)
        # Drawn one by one and counted: several times as fast as a multinomial of so many units.
        drawn = rng.integers(units, size=(some, units)) + units * np.arange(some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=some * units).reshape(some, units)


def _figures(sample: Tally, seed: int, draws: int) -> Float64[np.ndarray, " draws"]:
    return np.concatenate([sample.figures(counts) for counts in resamples(sample.units, seed=seed, draws=draws)])


def _interval(value: float, resampled: Float64[np.ndarray, " draws"]) -> Estimate:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
