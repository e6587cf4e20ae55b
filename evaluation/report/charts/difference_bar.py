"""A difference with its interval, left or right of 0."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element, number
from evaluation.report.charts.marks import mark
from evaluation.report.charts.scale import Scale
from evaluation.statistics.bootstrap import Estimate

__all__ = ["difference_bar"]

WIDTH, HEIGHT, EDGE = 140.0, 18.0, 6.0


def difference_bar(estimate: Estimate, limit: float) -> Markup:
    """The interval as a line and the difference as a dot on it, hollow where the interval holds 0.

    Args:
        estimate: Of the difference.
        limit: What is at the right end, and its negative at the left; above 0, the same for all that stand together.
    """
    across, middle = Scale(-limit, limit, EDGE, WIDTH - EDGE), HEIGHT / 2
    clear = estimate.low > 0 or estimate.high < 0
    line = f"M{number(across(estimate.low))} {number(middle)}H{number(across(estimate.high))}"
    return drawing(
        WIDTH,
        HEIGHT,
        "",
        element("line", x1=WIDTH / 2, x2=WIDTH / 2, y1=0.0, y2=HEIGHT, class_="axis"),
        element("path", d=line, class_="reach"),
        element("path", d=mark("dot", across(estimate.value), middle, 4.0), class_="solid" if clear else "hollow"),
    )
