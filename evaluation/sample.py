"""The answers of a row as what is resampled: in one order, with their patients numbered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64

from encoders.adaptation.coding import code, names_of
from evaluation.answers.answered import Answered
from evaluation.statistics.tally import Tally, tally

__all__ = ["Sample"]


class Sample:
    """Answers in the order of folds and queries, so that samples of the same queries have the same units.

    Args:
        answers: Of one strategy, one number of shots and one learner; at least one.
    """

    def __init__(self, answers: Sequence[Answered]) -> None:
        self.answers = sorted(answers, key=lambda answered: (answered.fold, answered.query))

    def right(self) -> Bool[np.ndarray, " queries"]:
        """Whether each answer is right."""
        return np.array([answered.right for answered in self.answers], dtype=np.bool_)

    def units(self) -> Int64[np.ndarray, " queries"]:
        """A number from 0 for what each answer is drawn with: all of its group, wherever they were asked."""
        numbers: dict[tuple[str, str], int] = {}
        return np.array([numbers.setdefault(each.unit, len(numbers)) for each in self.answers], dtype=np.int64)

    def tally(self, *, macro: bool = False, by_fold: bool = False) -> Tally:
        """What an interval of a share of right answers is resampled from.

        Args:
            macro: Whether every label counts the same.
            by_fold: Whether every fold does.
        """
        truths = [answered.truth for answered in self.answers]
        folds = [answered.fold for answered in self.answers]
        return tally(
            self.right().astype(np.float64),
            self.units(),
            classes=code(truths, names_of(truths)) if macro else None,
            domains=code(folds, names_of(folds)) if by_fold else None,
        )

    def folds(self) -> dict[str, list[Answered]]:
        """The answers of each fold, by name."""
        parts: defaultdict[str, list[Answered]] = defaultdict(list)
        for answered in self.answers:
            parts[answered.fold].append(answered)
        return dict(parts)
