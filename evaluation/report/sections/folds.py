"""Accuracy in each fold alone: in each domain, where domains are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.report.charts.share_bar import share_bar
from evaluation.report.contents import Contents
from evaluation.report.kinds import Kind
from evaluation.statistics.bootstrap import Estimate

__all__ = ["FoldBar", "FoldBars", "LearnerFolds", "folds_by_learner"]


@dataclass(frozen=True)
class FoldBar:
    """A strategy in a fold, with the most shots that it was asked for."""

    kind: Kind
    shots: int
    accuracy: Estimate
    macro_accuracy: Estimate
    bar: Markup


@dataclass(frozen=True)
class FoldBars:
    """All strategies in a fold."""

    fold: str
    queries: int
    bars: tuple[FoldBar, ...]


@dataclass(frozen=True)
class LearnerFolds:
    """All folds of a learner, in alphabetical order."""

    learner: str
    folds: tuple[FoldBars, ...]


def folds_by_learner(contents: Contents, kinds: Mapping[str, Kind]) -> list[LearnerFolds]:
    """The bars of each learner, those of the zero-shot row last.

    Args:
        contents: Of the report.
        kinds: Of the strategies.
    """
    return [LearnerFolds(learner, _folds(contents, kinds, learner)) for learner in contents.learners]


def _folds(contents: Contents, kinds: Mapping[str, Kind], learner: str) -> tuple[FoldBars, ...]:
    zero = contents.zero_shot(learner)
    rows = [*contents.with_most_shots(learner).values(), *([] if zero is None else [zero])]
    names = sorted({name for row in rows for name in contents.rows[row].by_fold})
    folds = []
    for name in names:
        found = [(row, contents.rows[row].by_fold[name]) for row in rows if name in contents.rows[row].by_fold]
        bars = tuple(
            FoldBar(
                kinds[row.strategy],
                row.shots,
                fold.accuracy,
                fold.macro_accuracy,
                share_bar(fold.accuracy, kinds[row.strategy].hue),
            )
            for row, fold in found
        )
        folds.append(FoldBars(name, max(fold.queries for _, fold in found), bars))
    return tuple(folds)
