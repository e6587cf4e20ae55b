"""Markdown tables of the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.quality.bootstrap import Estimate
from benchmarks.quality.rows import CENTRED, COST
from benchmarks.quality.summary import FIGURES, Summary
from benchmarks.quality.targets import FIGURE_OF, TARGETS

__all__ = ["cost_table", "domain_table", "markdown", "mean_table", "short_table", "told"]

_SHORT = ("random", "topk_nearest", "closed_form", f"closed_form{CENTRED}", "auto", f"auto{CENTRED}")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; every row is as long as the head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def told(estimate: Estimate | None) -> str:
    """`.734 (.712–.755)`; a dash for None."""
    if estimate is None:
        return "–"
    value, low, high = (f"{number:.3f}".removeprefix("0") for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low}–{high})"


def mean_table(name: str, summary: Summary) -> str:
    """All rows of a set, means over its domains, with the target beside what was reached."""
    judged, targets = FIGURE_OF.get(name, FIGURES[0]), TARGETS.get(name, {})
    if summary.records[0].cell.protocol != "leave_one_domain_out" or summary.missing:
        targets = {}
    rows = []
    for row in _plain(summary):
        estimates = {figure: summary.mean(row, figure) for figure in FIGURES}
        goal = targets.get(row)
        reached = "" if goal is None else f"≥ {goal:.2f}: {_verdict(estimates[judged].value, goal)}"
        rows.append([row, *(told(estimates[figure]) for figure in FIGURES), reached])
    return markdown(["row", *FIGURES, f"target ({judged})"], rows)


def domain_table(summary: Summary, figure: str) -> str:
    """One figure of every row and domain; rows that some domain lacks are here too, those that all lack aren't."""
    rows = []
    for row in [*_plain(summary), *(row for row in summary.partial if not row.startswith(COST))]:
        estimates = [summary.of(domain, row, figure) for domain in summary.domains]
        if any(estimate is not None for estimate in estimates):
            rows.append([row, *map(told, estimates)])
    return markdown([figure, *summary.domains], rows)


def cost_table(summaries: Mapping[str, Summary]) -> str:
    """What a query's domain is worth to the closed form: the figure that each set is judged by."""
    names = list(dict.fromkeys(row for each in summaries.values() for row in each.rows if row.startswith(COST)))
    rows = [[name.removeprefix(COST), *(_judged(each, key, name) for key, each in summaries.items())] for name in names]
    return markdown(["the query's domain", *(_head(key, each) for key, each in summaries.items())], rows)


def short_table(summaries: Mapping[str, Summary]) -> str:
    """For the README: a few rows, the figure that each set is judged by."""
    rows = [[name, *(_judged(each, key, name) for key, each in summaries.items())] for name in _SHORT]
    return markdown(["mean over domains", *(_head(key, each) for key, each in summaries.items())], rows)


def _verdict(value: float, goal: float) -> str:
    return "reached" if value >= goal else f"missed by {goal - value:.3f}".replace("0.", ".", 1)


def _plain(summary: Summary) -> list[str]:
    return [row for row in summary.rows if not row.startswith(COST)]


def _head(name: str, summary: Summary) -> str:
    known = len(summary.domains)
    part = f" ({known} of {known + len(summary.missing)} domains)" if summary.missing else ""
    return f"{name}, {_figure(name)}{part}"


def _figure(name: str) -> str:
    return FIGURE_OF.get(name, FIGURES[0])


def _judged(summary: Summary, name: str, row: str) -> str:
    return told(summary.mean(row, _figure(name)) if row in summary.rows else None)
