"""Small shapes, so that nothing is told by its colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from evaluation.report.charts.element import number

__all__ = ["SHAPES", "mark", "marks"]

Outline = tuple[tuple[float, float], ...]

_CORNERS: dict[str, Outline] = {
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "triangle": ((0.0, -1.15), (1.1, 0.8), (-1.1, 0.8)),
    "diamond": ((0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)),
    "wedge": ((-1.1, -0.8), (1.1, -0.8), (0.0, 1.15)),
    "plus": (
        (-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4),
        (0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4),
    ),
}  # fmt: skip

SHAPES = ("dot", *_CORNERS)
"""Names of the shapes, all of about the same area."""


def mark(shape: str, x: float, y: float, radius: float) -> str:
    """A shape around a point, as a piece of a path.

    Args:
        shape: One of `SHAPES`.
        x: Of its middle.
        y: Of its middle.
        radius: About how far it reaches.
    """
    return f"M{number(x)} {number(y)}{_drawing(shape, radius)}"


def marks(shape: str, places: Iterable[tuple[float, float]], radius: float) -> str:
    """The same shape around many points: one path is a tenth as long as so many elements.

    Args:
        shape: One of `SHAPES`.
        places: Middle of each; written to a tenth.
        radius: About how far each reaches.
    """
    drawing = _drawing(shape, radius)
    return "".join(f"M{number(round(x, 1))} {number(round(y, 1))}{drawing}" for x, y in places)


def _drawing(shape: str, radius: float) -> str:
    if shape == "dot":
        arc = f"a{number(radius)} {number(radius)} 0 1 0"
        return f"m{number(-radius)} 0{arc} {number(2 * radius)} 0{arc} {number(-2 * radius)} 0z"
    corners = [(x * radius, y * radius) for x, y in _CORNERS[shape]]
    steps = [(x - a, y - b) for (a, b), (x, y) in pairwise(corners)]
    lines = "".join(f"l{number(x)} {number(y)}" for x, y in steps)
    return f"m{number(corners[0][0])} {number(corners[0][1])}{lines}z"
