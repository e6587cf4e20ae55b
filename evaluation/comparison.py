"""Two rows of a report's table side by side: is one strategy better than the other, query by query?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.answers.answered import Answered
from evaluation.sample import Sample
from evaluation.statistics.bootstrap import Estimate, difference
from evaluation.statistics.mcnemar import McNemar, mcnemar
from evaluation.statistics.tally import Tally

__all__ = ["Comparison", "compared"]


@dataclass(frozen=True)
class Comparison:
    """How much better the one is, from −1 to 1, on the queries that both answered.

    Attributes:
        queries: How many those are.
        accuracy: Difference of the accuracies.
        macro_accuracy: Of the macro accuracies.
        fold_mean: Of the mean accuracies over folds.
        test: McNemar's exact test.
        units: Groups (images, where there are none) of which the two are right about different numbers.
    """

    queries: int
    accuracy: Estimate
    macro_accuracy: Estimate
    fold_mean: Estimate
    test: McNemar
    units: int


def compared(one: Sequence[Answered], other: Sequence[Answered], *, seed: int = 0) -> Comparison:
    """The one row against the other.

    Args:
        one: Answers of one strategy, with one number of shots and one learner.
        other: Of another strategy, number of shots or learner.
        seed: Of the resamples.

    Raises:
        ValueError: No query was asked of both.
    """
    both = {(each.fold, each.query) for each in one} & {(each.fold, each.query) for each in other}
    if not both:
        raise ValueError("the two rows have no query in common")
    mine, theirs = (Sample([each for each in answers if (each.fold, each.query) in both]) for answers in (one, other))
    return Comparison(
        queries=len(both),
        accuracy=difference(mine.tally(), theirs.tally(), seed=seed),
        macro_accuracy=difference(mine.tally(macro=True), theirs.tally(macro=True), seed=seed),
        fold_mean=difference(mine.tally(by_fold=True), theirs.tally(by_fold=True), seed=seed),
        test=mcnemar(mine.right(), theirs.right()),
        units=_differing(mine.tally(), theirs.tally()),
    )


def _differing(one: Tally, other: Tally) -> int:
    return int(np.count_nonzero(one.worth != other.worth))  # both have the same units, in the same order
