"""The figures of an evaluation as a table, with what a reader must know."""

from __future__ import annotations

from invariantselect.wire.evaluation import EvaluationResult, Interval
from service.cli.terminal import print_table, printable, results

__all__ = ["print_evaluation"]


def print_evaluation(result: EvaluationResult) -> None:
    """A row for each strategy, number of shots and learner, with 95 % intervals; folds and notes below.

    Args:
        result: Of an evaluation.
    """
    numbers = ["shots", "accuracy", "macro", "mean over folds", "macro over folds", "unanswered"]
    print_table(
        ["learner", "strategy", *numbers],
        [
            (
                row.learner,
                row.strategy,
                row.shots,
                _told(row.accuracy),
                _told(row.macro_accuracy),
                _told(row.fold_mean),
                _told(row.fold_mean_macro),
                f"{row.unanswered:.1%}",
            )
            for row in result.rows
        ],
        right=numbers,
    )
    folds = ", ".join(f"{fold.name} ({fold.queries} of {fold.demonstrations})" for fold in result.folds)
    results().print()
    results().print(printable(f"{result.protocol}; queries of demonstrations: {folds}."))
    for note in result.notes:
        results().print(printable(note))


def _told(figure: Interval) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
