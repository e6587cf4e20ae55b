"""From answers to the figures of a report: of each row of its table, and of two rows side by side.

Everything here is worked out from `Answered` alone, so from the CSV that comes with a report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from encoders.adaptation.coding import code, names_of
from evaluation.answers.answered import Answered
from evaluation.statistics.bootstrap import Estimate, difference, estimate
from evaluation.statistics.calibration import Bin, brier_score, expected_calibration_error, reliability_bins
from evaluation.statistics.confusion import confusion_matrix, recalls
from evaluation.statistics.demonstrations import cross_domain_share, label_entropy
from evaluation.statistics.mcnemar import McNemar, mcnemar
from evaluation.statistics.tally import Tally, tally

__all__ = ["Comparison", "Figures", "Row", "by_row", "compared", "figures_of"]


class Row(NamedTuple):
    """A row of the table: who chose, how many, who answered."""

    strategy: str
    shots: int
    learner: str


@dataclass(frozen=True, eq=False)
class Figures:
    """What the answers of a row amount to; shares from 0 to 1.

    Attributes:
        queries: How many answers.
        unanswered: Share without an answer, or with one that couldn't be read; they are wrong.
        accuracy: Share of right answers.
        macro_accuracy: Mean recall over the labels of the queries.
        by_fold: Accuracy of each fold, so of each domain that is left out.
        fold_mean: Mean accuracy over the folds, each of the same weight.
        fold_mean_macro: Mean macro accuracy over the folds.
        classes: Labels of the confusion matrix, ascending.
        confusion: (classes, classes + 1), as of `confusion_matrix`.
        recall: (classes,) as of `recalls`.
        calibration: Bins of the answers that were given.
        calibration_error: Expected calibration error.
        brier: Brier score.
        precision: Mean share of the demonstrations asked for that have the query's label; None for zero shots.
        cross_domain: Mean share of the demonstrations from other domains; None where nobody knows.
        entropy: Mean entropy of the demonstrations' labels in bits; None without demonstrations.
        barred: Mean number of demonstrations barred for a query, by reason.
    """

    queries: int
    unanswered: float
    accuracy: Estimate
    macro_accuracy: Estimate
    by_fold: dict[str, Estimate]
    fold_mean: Estimate
    fold_mean_macro: Estimate
    classes: tuple[str, ...]
    confusion: Int64[np.ndarray, "classes told"]
    recall: dict[str, float]
    calibration: tuple[Bin, ...]
    calibration_error: float
    brier: float
    precision: float | None
    cross_domain: float | None
    entropy: float | None
    barred: dict[str, float]
