"""What is told apart in a chart: each kind has a colour and a shape, and the two together are its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from evaluation.report.charts.marks import SHAPES

__all__ = ["HUES", "REST", "Kind", "kinds_of"]

HUES = 8
"""How many colours the style sheet defines; they stay apart for people who can't tell red from green."""

REST = "rest"
"""The colour of what has none of its own."""


@dataclass(frozen=True)
class Kind:
    """A class, a domain or a strategy.

    Attributes:
        name: As it is shown.
        hue: Its colour, ``0`` to ``7`` or ``rest``.
        shape: One of `evaluation.report.charts.marks.SHAPES`.
        count: How many there are of it.
    """

    name: str
    hue: str
    shape: str
    count: int = 0


def kinds_of(values: Iterable[str | None], *, most: int = 24) -> dict[str | None, Kind]:
    """A kind for each value, the most frequent first; what is unknown or too rare has the colour of the rest.

    Args:
        values: One an image; None where it isn't known.
        most: How many have a colour and a shape of their own; at most the colours times the shapes.
    """
    counts = Counter(values)
    unknown = counts.pop(None, 0)
    ranked = sorted((name for name in counts if name is not None), key=lambda name: (-counts[name], name))
    kinds: dict[str | None, Kind] = {
        name: Kind(name, str(place % HUES), SHAPES[(place % HUES + place // HUES) % len(SHAPES)], counts[name])
        for place, name in enumerate(ranked[:most])
    }
    if rest := ranked[most:]:
        others = Kind(f"{len(rest)} others", REST, "dot", sum(counts[name] for name in rest))
        kinds |= dict.fromkeys(rest, others)
    if unknown:
        kinds[None] = Kind("not known", REST, "plus", unknown)
    return kinds
