"""One share from 0 to 1 as a bar, with its interval as a whisker."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element, number
from evaluation.statistics.bootstrap import Estimate

__all__ = ["share_bar"]

WIDTH, HEIGHT = 200.0, 14.0


def share_bar(estimate: Estimate, hue: str) -> Markup:
    """The bar; the text beside it says its value.

    Args:
        estimate: Of the share.
        hue: Colour of the bar.
    """
    low, high, middle = WIDTH * estimate.low, WIDTH * estimate.high, HEIGHT / 2
    return drawing(
        WIDTH,
        HEIGHT,
        "",
        element("rect", width=WIDTH, height=HEIGHT, class_="track"),
        element("rect", width=WIDTH * estimate.value, height=HEIGHT, class_=f"bar hue-{hue}"),
        *(element("path", d=_whisker(low, high, middle), class_=name) for name in ("halo", "reach")),
    )


def _whisker(low: float, high: float, middle: float) -> str:
    ends = "".join(f"M{number(x)} {number(middle - 3)}v6" for x in (low, high))
    return f"M{number(low)} {number(middle)}H{number(high)}{ends}"
