"""What came of an evaluation, as it goes over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import get_args

from evaluation.answers.answered import Answered
from evaluation.figures import Row, by_row, figures_of
from evaluation.report import About
from evaluation.statistics.bootstrap import Estimate
from invariantselect.wire.evaluation import EvaluatedFold, EvaluatedRow, EvaluationResult, Interval, ReportFile

__all__ = ["result_of"]


def result_of(about: About, answers: Sequence[Answered]) -> EvaluationResult:
    """The figures of every row.

    Args:
        about: Of the report.
        answers: All of them.
    """
    return EvaluationResult(
        protocol=about.protocol,
        snapshot=about.snapshot,
        rows=[_row(row, some, about.seed) for row, some in by_row(answers).items()],
        folds=[EvaluatedFold(**asdict(fold)) for fold in about.folds],
        notes=list(about.notes),
        files=list(get_args(ReportFile)),
    )


def _row(row: Row, answers: Sequence[Answered], seed: int) -> EvaluatedRow:
    figures = figures_of(answers, seed=seed)
    return EvaluatedRow(
        strategy=row.strategy,
        shots=row.shots,
        learner=row.learner,
        queries=figures.queries,
        unanswered=figures.unanswered,
        accuracy=_interval(figures.accuracy),
        macro_accuracy=_interval(figures.macro_accuracy),
        fold_mean=_interval(figures.fold_mean),
        fold_mean_macro=_interval(figures.fold_mean_macro),
    )


def _interval(estimate: Estimate) -> Interval:
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high)
