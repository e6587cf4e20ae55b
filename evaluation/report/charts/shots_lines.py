"""Accuracy over shots: a line for each strategy, its interval as a band behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element, number, text
from evaluation.report.charts.marks import mark
from evaluation.report.charts.scale import Scale, ticks
from evaluation.report.kinds import Kind
from evaluation.statistics.bootstrap import Estimate

__all__ = ["ShotsLine", "shots_lines"]

WIDTH, HEIGHT = 360.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 350.0, 10.0, 212.0
_LABELS_APART = 18.0


@dataclass(frozen=True)
class ShotsLine:
    """A strategy.

    Attributes:
        kind: Its name, colour and shape.
        points: Shots and accuracy, in ascending order of shots; at least one.
    """

    kind: Kind
    points: tuple[tuple[int, Estimate], ...]


def shots_lines(lines: Sequence[ShotsLine], words: str) -> Markup:
    """The chart.

    Args:
        lines: Of one learner, the foremost last; at least one.
        words: What it shows, for those who don't see it.
    """
    shots = sorted({count for line in lines for count, _ in line.points})
    across = Scale(0.0, float(max(shots[-1], 1)), LEFT + 8, RIGHT - 8)
    low, high = _range([estimate for line in lines for _, estimate in line.points])
    up = Scale(low, high, BOTTOM, TOP)
    return drawing(
        WIDTH,
        HEIGHT,
        words,
        *_grid(up, low, high),
        *_shots(across, shots),
        *(_band(line, across, up) for line in lines),
        *(_line(line, across, up) for line in lines),
    )


def _range(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Round values around all intervals, between 0 and 1."""
    low = min(min(each.low, each.value) for each in estimates)
    high = max(max(each.high, each.value) for each in estimates)
    marked = ticks(low, high) if high - low > 0.02 else []
    step = marked[1] - marked[0] if len(marked) > 1 else 0.1
    start, end = max(0.0, (low // step) * step), min(1.0, (high // step + 1) * step)
    return round(start, 6), round(end, 6)


def _grid(up: Scale, low: float, high: float) -> list[Markup]:
    drawn = []
    for value in ticks(low, high):
        y = up(value)
        drawn.append(element("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="grid"))
        drawn.append(text(f"{100 * value:g} %", x=LEFT - 6, y=y + 4, class_="tick end"))
    return drawn


def _shots(across: Scale, shots: Sequence[int]) -> list[Markup]:
    drawn = []
    free = -_LABELS_APART
    for count in shots:
        x = across(float(count))
        drawn.append(element("line", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 4, class_="axis"))
        if x >= free:
            drawn.append(text(str(count), x=x, y=BOTTOM + 18, class_="tick middle"))
            free = x + _LABELS_APART
    return [*drawn, text("shots", x=(LEFT + RIGHT) / 2, y=HEIGHT - 6, class_="tick middle")]


def _band(line: ShotsLine, across: Scale, up: Scale) -> Markup:
    upper = [(across(float(count)), up(each.high)) for count, each in line.points]
    lower = [(across(float(count)), up(each.low)) for count, each in line.points]
    if len(line.points) == 1:
        (x, top), (_, bottom) = upper[0], lower[0]
        return element("path", d=f"M{_at(x, top)}V{number(bottom)}", class_=f"whisker hue-{line.kind.hue}")
    corners = "L".join(_at(x, y) for x, y in [*upper, *reversed(lower)])
    return element("path", d=f"M{corners}Z", class_=f"band hue-{line.kind.hue}")


def _line(line: ShotsLine, across: Scale, up: Scale) -> Markup:
    places = [(across(float(count)), up(each.value)) for count, each in line.points]
    return element(
        "g",
        element("path", d="M" + "L".join(_at(x, y) for x, y in places), class_=f"line {line.kind.shape}"),
        element("path", d="".join(mark(line.kind.shape, x, y, 4.5) for x, y in places), class_="mark"),
        class_=f"hue-{line.kind.hue}",
    )


def _at(x: float, y: float) -> str:
    return f"{number(x)} {number(y)}"
