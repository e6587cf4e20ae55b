"""95 % intervals by resampling the queries within each domain; `evaluation.statistics` has the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics.bootstrap import DRAWS, Estimate, resamples
from evaluation.statistics.tally import Tally, tally

__all__ = ["DRAWS", "Estimate", "Sample", "estimate"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of queries: a domain's, as a rule.

    Attributes:
        labels: (queries,) class of each, from 0.
        worth: (queries,) what each counts, from 0 to 1: answered rightly, or its share of hits; over several seeds
            their mean, so that a query is drawn with all of its answers.
        macro: Whether every class counts the same.
    """

    labels: NDArray[np.int64]
    worth: NDArray[np.float64]
    macro: bool = False

    def tally(self) -> Tally:
        """What is resampled: every query is a unit."""
        return tally(self.worth, np.arange(len(self.labels)), classes=self.labels if self.macro else None)


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
            sums, weight = sample.tally(), 1.0 / (len(samples) * len(domain))
            counted = resamples(len(sample.labels), seed=[seed, number, part], draws=draws)
            value += weight * sums.value()
            resampled += weight * np.concatenate([sums.figures(counts) for counts in counted])
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
