"""A fold before and after adaptation, coloured by class and by domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluation.report.charts.scatter import scatter
from evaluation.report.kinds import Kind, kinds_of
from evaluation.report.pool_map import PoolMap

__all__ = ["ColouredMap", "FoldMap", "Panel", "fold_map"]


@dataclass(frozen=True)
class Panel:
    """One space."""

    space: str
    chart: Markup


@dataclass(frozen=True)
class ColouredMap:
    """A fold in both spaces, coloured one way.

    Attributes:
        by: ``class`` or ``domain``.
        panels: Of the frozen space, and of the adapted one where there is one.
        legend: The most frequent first.
    """

    by: str
    panels: tuple[Panel, ...]
    legend: tuple[Kind, ...]


@dataclass(frozen=True)
class FoldMap:
    """All maps of a fold."""

    fold: str
    method: str
    images: int
    shown: int
    queries: int
    coloured: tuple[ColouredMap, ...]


def fold_map(places: PoolMap) -> FoldMap:
    """The maps of a fold."""
    return FoldMap(
        fold=places.fold,
        method=places.method,
        images=places.images,
        shown=len(places.ids),
        queries=int(places.asking.sum()),
        coloured=(_coloured(places, "class", places.labels), _coloured(places, "domain", places.domains)),
    )


def _coloured(places: PoolMap, by: str, values: Sequence[str | None]) -> ColouredMap:
    kinds = kinds_of(values)
    own = [kinds[value] for value in values]
    spaces = [("Before: frozen encoder", places.before)]
    if places.after is not None:
        spaces.append(("After: adapted to this fold", places.after))
    reach = max(float(np.abs(flat).max()) for _, flat in spaces) or 1.0
    panels = tuple(
        Panel(name, scatter(flat, own, places.asking, reach, f"{name}. Fold {places.fold}, coloured by {by}."))
        for name, flat in spaces
    )
    return ColouredMap(by, panels, tuple(dict.fromkeys(sorted(set(own), key=lambda kind: (-kind.count, kind.name)))))
