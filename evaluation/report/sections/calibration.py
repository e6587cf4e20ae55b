"""How far a learner's confidence can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.figures import Row
from evaluation.report.charts.reliability import reliability
from evaluation.report.contents import Contents
from evaluation.report.kinds import Kind
from evaluation.report.wording import decimals, percent

__all__ = ["ReliabilityChart", "reliability_charts"]


@dataclass(frozen=True)
class ReliabilityChart:
    """The diagram of a strategy's answers with the most shots."""

    learner: str
    kind: Kind
    shots: int
    calibration_error: float
    brier: float
    chart: Markup


def reliability_charts(contents: Contents, kinds: Mapping[str, Kind]) -> list[ReliabilityChart]:
    """Of each learner and strategy that has answered anything.

    Args:
        contents: Of the report.
        kinds: Of the strategies.
    """
    rows = [row for learner in contents.learners for row in contents.with_most_shots(learner).values()]
    return [_chart(contents, row, kinds[row.strategy]) for row in rows if contents.rows[row].unanswered < 1]


def _chart(contents: Contents, row: Row, kind: Kind) -> ReliabilityChart:
    figures = contents.rows[row]
    told = "; ".join(
        f"{percent(each.accuracy)} % right at confidence {percent(each.confidence)} %, {each.count} answers"
        for each in figures.calibration
        if each.count
    )
    words = f"Reliability of {kind.name}, learner {row.learner}, {row.shots} shots: {told}"
    return ReliabilityChart(
        row.learner,
        kind,
        row.shots,
        figures.calibration_error,
        figures.brier,
        reliability(figures.calibration, kind, f"{words}; calibration error {decimals(figures.calibration_error)}"),
    )
