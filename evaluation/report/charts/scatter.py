"""Images as points: demonstrations small and pale, queries larger and outlined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32
from markupsafe import Markup

from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element
from evaluation.report.charts.marks import marks
from evaluation.report.charts.scale import Scale
from evaluation.report.kinds import Kind

__all__ = ["scatter"]

SIDE, EDGE = 360.0, 10.0
DEMONSTRATION, QUERY = 2.2, 3.2


def scatter(
    places: Float32[np.ndarray, "n 2"],
    kinds: Sequence[Kind],
    asking: Bool[np.ndarray, " n"],
    reach: float,
    words: str,
) -> Markup:
    """The chart: two paths for each kind.

    Args:
        places: (n, 2) of each image; the second axis points up.
        kinds: Of each image.
        asking: (n,) whether it is a query.
        reach: What is at the right and upper end, and its negative at the others; above 0.
        words: What it shows, for those who don't see it.
    """
    across, up = Scale(-reach, reach, EDGE, SIDE - EDGE), Scale(-reach, reach, SIDE - EDGE, EDGE)
    points = [(across(x), up(y)) for x, y in places.tolist()]
    asks = asking.tolist()
    # The most frequent kind is drawn first, so that it doesn't hide the rare ones.
    ordered = sorted(set(kinds), key=lambda kind: (-kind.count, kind.name))
    layers = []
    for query in (False, True):
        for kind in ordered:
            chosen = [
                point for point, own, ask in zip(points, kinds, asks, strict=True) if own == kind and ask is query
            ]
            if chosen:
                path = marks(kind.shape, chosen, QUERY if query else DEMONSTRATION)
                name = "asks" if query else "shown"
                layers.append(element("path", d=path, class_=f"{name} hue-{kind.hue}"))
    return drawing(SIDE, SIDE, words, *layers)
