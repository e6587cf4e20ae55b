"""How much each further demonstration brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.report.charts.shots_lines import ShotsLine, shots_lines
from evaluation.report.contents import Contents
from evaluation.report.kinds import Kind
from evaluation.report.wording import percent
from evaluation.statistics.bootstrap import Estimate

__all__ = ["ShotsChart", "shots_charts"]

_MEASURES = {"accuracy": "Accuracy", "macro_accuracy": "Macro accuracy"}


@dataclass(frozen=True)
class ShotsChart:
    """A measure of one learner over shots."""

    learner: str
    measure: str
    kinds: tuple[Kind, ...]
    chart: Markup


def shots_charts(contents: Contents, kinds: Mapping[str, Kind]) -> list[ShotsChart]:
    """Accuracy and macro accuracy of each learner that was shown demonstrations.

    Args:
        contents: Of the report.
        kinds: Of the strategies.
    """
    charts = []
    for learner in contents.learners:
        for measure, name in _MEASURES.items():
            if lines := _lines(contents, kinds, learner, measure):
                chart = shots_lines(lines, _words(name, learner, lines))
                charts.append(ShotsChart(learner, name, tuple(line.kind for line in reversed(lines)), chart))
    return charts


def _lines(contents: Contents, kinds: Mapping[str, Kind], learner: str, measure: str) -> list[ShotsLine]:
    """Every line begins where there are no demonstrations; the preferred strategy is the foremost."""
    zero = contents.zero_shot(learner)
    begin: list[tuple[int, Estimate]] = [] if zero is None else [(0, getattr(contents.rows[zero], measure))]
    lines = []
    for strategy in reversed(contents.strategies):
        points = sorted(
            (row.shots, getattr(figures, measure))
            for row, figures in contents.rows.items()
            if row.strategy == strategy and row.learner == learner and row.shots
        )
        if points:
            lines.append(ShotsLine(kinds[strategy], (*begin, *points)))
    return lines


def _words(measure: str, learner: str, lines: list[ShotsLine]) -> str:
    ends = [(line.kind.name, *line.points[-1]) for line in reversed(lines)]
    told = "; ".join(f"{name} {percent(estimate.value)} % at {shots} shots" for name, shots, estimate in ends)
    return f"{measure} over shots, learner {learner}: {told}"
