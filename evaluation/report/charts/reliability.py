"""Accuracy against confidence: on the diagonal, a confidence of 0.8 means four right answers in five."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from markupsafe import Markup

from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element, number, text
from evaluation.report.charts.marks import mark
from evaluation.report.charts.scale import Scale
from evaluation.report.kinds import Kind
from evaluation.statistics.calibration import Bin

__all__ = ["reliability"]

WIDTH, HEIGHT = 260.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 250.0, 8.0, 212.0
LARGEST = 10.0


def reliability(bins: Sequence[Bin], kind: Kind, words: str) -> Markup:
    """The diagram: a mark for each bin with answers, as large as its share of them, a line from it to the diagonal.

    Args:
        bins: Of `evaluation.statistics.calibration.reliability_bins`.
        kind: Whose answers they are.
        words: What it shows, for those who don't see it.
    """
    across, up = Scale(0.0, 1.0, LEFT, RIGHT), Scale(0.0, 1.0, BOTTOM, TOP)
    filled = [each for each in bins if each.count]
    most = max((each.count for each in filled), default=1)
    return drawing(
        WIDTH,
        HEIGHT,
        words,
        *_axes(across, up),
        element("path", d=f"M{number(LEFT)} {number(BOTTOM)}L{number(RIGHT)} {number(TOP)}", class_="diagonal"),
        element(
            "g",
            *(element("path", d=_gap(each, across, up), class_="gap") for each in filled),
            *(
                element(
                    "path",
                    d=mark(kind.shape, across(each.confidence), up(each.accuracy), _radius(each.count, most)),
                    class_="mark",
                )
                for each in filled
            ),
            class_=f"hue-{kind.hue}",
        ),
    )


def _radius(count: int, most: int) -> float:
    """The area is as the count is, but nothing is too small to see."""
    return max(2.5, LARGEST * sqrt(count / most))


def _gap(each: Bin, across: Scale, up: Scale) -> str:
    return f"M{number(across(each.confidence))} {number(up(each.accuracy))}V{number(up(each.confidence))}"


def _axes(across: Scale, up: Scale) -> list[Markup]:
    drawn = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y, percent = across(value), up(value), f"{100 * value:g}"
        drawn.append(element("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="grid"))
        drawn.append(element("line", x1=x, x2=x, y1=TOP, y2=BOTTOM, class_="grid"))
        drawn.append(text(percent, x=LEFT - 6, y=y + 4, class_="tick end"))
        drawn.append(text(percent, x=x, y=BOTTOM + 16, class_="tick middle"))
    drawn.append(text("confidence, %", x=(LEFT + RIGHT) / 2, y=HEIGHT - 4, class_="tick middle"))
    turned = f"rotate(-90 10 {number((TOP + BOTTOM) / 2)})"
    drawn.append(text("right, %", x=10.0, y=(TOP + BOTTOM) / 2, class_="tick middle", transform=turned))
    return drawn
