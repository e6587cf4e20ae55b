"""From answers to the figures of a report, row by row of its table.

Everything here is worked out from `Answered` alone, so from the CSV that comes with a report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from encoders.adaptation.coding import names_of
from evaluation.answers.answered import Answered
from evaluation.leakage import REASONS
from evaluation.sample import Sample
from evaluation.statistics.bootstrap import Estimate, estimate
from evaluation.statistics.calibration import Bin, brier_score, expected_calibration_error, reliability_bins
from evaluation.statistics.confusion import confusion_matrix, recalls
from evaluation.statistics.demonstrations import cross_domain_share, label_entropy

__all__ = ["Figures", "Row", "by_row", "figures_of"]


class Row(NamedTuple):
    """A row of the table: who chose, how many, who answered."""

    strategy: str
    shots: int
    learner: str


@dataclass(frozen=True)
class FoldFigures:
    """Of one fold.

    Attributes:
        queries: How many answers.
        accuracy: Share of right answers.
        macro_accuracy: Mean recall over the labels of the fold's queries.
    """

    queries: int
    accuracy: Estimate
    macro_accuracy: Estimate


@dataclass(frozen=True, eq=False)
class Figures:
    """What the answers of a row amount to; shares from 0 to 1.

    Attributes:
        queries: How many answers.
        unanswered: Share without an answer, or with one that couldn't be read; they are wrong.
        accuracy: Share of right answers.
        macro_accuracy: Mean recall over the labels of the queries.
        by_fold: Of each fold alone: of each domain, where domains are left out.
        fold_mean: Mean accuracy over the folds, each of the same weight.
        fold_mean_macro: Mean macro accuracy over the folds.
        classes: Labels of the confusion matrix, ascending.
        confusion: (classes, classes + 1), as of `confusion_matrix`.
        recall: Recall of each label that a query has.
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
    by_fold: dict[str, FoldFigures]
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


def by_row(answers: Iterable[Answered]) -> dict[Row, list[Answered]]:
    """The answers of each row, rows in the order that they first come up."""
    rows: defaultdict[Row, list[Answered]] = defaultdict(list)
    for answered in answers:
        rows[Row(answered.strategy, answered.shots, answered.learner)].append(answered)
    return dict(rows)


def figures_of(answers: Sequence[Answered], *, seed: int = 0) -> Figures:
    """The figures of one row.

    Args:
        answers: All of one strategy, one number of shots and one learner, in any order; at least one.
        seed: Of the resamples.
    """
    sample = Sample(answers)
    classes = names_of([name for each in answers for name in (each.truth, each.answer)])
    confusion = confusion_matrix([each.truth for each in answers], [each.answer for each in answers], classes)
    recall = dict(zip(classes, recalls(confusion).tolist(), strict=True))
    given = [each for each in answers if each.answer is not None]
    confidence = np.array([each.confidence for each in given], dtype=np.float64)
    right = np.array([each.right for each in given], dtype=np.bool_)
    bins = reliability_bins(confidence, right)
    return Figures(
        queries=len(answers),
        unanswered=1.0 - len(given) / len(answers),
        accuracy=estimate(sample.tally(), seed=seed),
        macro_accuracy=estimate(sample.tally(macro=True), seed=seed),
        by_fold={name: _fold_figures(part, seed) for name, part in sample.folds().items()},
        fold_mean=estimate(sample.tally(by_fold=True), seed=seed),
        fold_mean_macro=estimate(sample.tally(by_fold=True, macro=True), seed=seed),
        classes=classes,
        confusion=confusion,
        recall={name: recall[name] for name in names_of([each.truth for each in answers])},
        calibration=tuple(bins),
        calibration_error=expected_calibration_error(bins),
        brier=brier_score(confidence, right),
        precision=_mean(_precision(each) for each in answers),
        cross_domain=_mean(cross_domain_share(each.domain, each.domains) for each in answers),
        entropy=_mean(label_entropy(each.labels) for each in answers),
        barred={reason: fmean(getattr(each, f"barred_{reason}") for each in answers) for reason in REASONS},
    )


def _fold_figures(answers: Sequence[Answered], seed: int) -> FoldFigures:
    sample = Sample(answers)
    return FoldFigures(len(answers), estimate(sample.tally(), seed=seed), estimate(sample.tally(macro=True), seed=seed))


def _precision(answered: Answered) -> float | None:
    return answered.labels.count(answered.truth) / answered.shots if answered.shots else None


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None
