"""The colour and shape of a kind, for a legend."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element
from evaluation.report.charts.marks import mark
from evaluation.report.kinds import Kind

__all__ = ["swatch"]

SIDE = 14.0


def swatch(kind: Kind) -> Markup:
    """A small picture of a kind; its name stands beside it."""
    outline = mark(kind.shape, SIDE / 2, SIDE / 2, 4.6)
    return drawing(SIDE, SIDE, "", element("path", d=outline, class_=f"mark hue-{kind.hue}"))
