"""The frame of a chart: an SVG that grows with the page and says in words what it shows."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.report.charts.element import element, number

__all__ = ["drawing"]


def drawing(width: float, height: float, words: str, *children: Markup) -> Markup:
    """A chart.

    Args:
        width: In units; about the pixels that it has on a phone, so that its letters can be read there.
        height: Likewise.
        words: What it shows, for those who don't see it; empty where the text beside it says so.
        *children: What is drawn, the hindmost first.
    """
    box = f"0 0 {number(width)} {number(height)}"
    if words:
        return element("svg", *children, viewBox=box, role="img", aria_label=words)
    return element("svg", *children, viewBox=box, aria_hidden="true")
