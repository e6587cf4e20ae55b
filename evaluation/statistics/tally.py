"""What each unit of a resample brings along, so that the figures of many resamples are two sums over all answers.

A unit is what is drawn as a whole: a patient with all of its images, or an image without a group. Every figure here is
a mean over domains of a mean over classes of right/asked, where a plain accuracy has one of each. Most units have
queries of one domain and class, so only what is there is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

__all__ = ["Tally", "tally"]

_AT_ONCE = 100_000  # in a processor's cache


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums over the queries that each unit has of each cell: a class in a domain. In the order of units, then cells.

    Attributes:
        units: How many units there are.
        domains: How many domains.
        classes: How many classes.
        unit: (entries,) int64, from 0.
        cell: (entries,) int64, domain · classes + class.
        worth: (entries,) what the unit's answers there are worth: how many are right, or the sum of shares.
        asked: (entries,) how many queries it has there.
    """

    units: int
    domains: int
    classes: int
    unit: Int64[np.ndarray, " entries"]
    cell: Int64[np.ndarray, " entries"]
    worth: Float64[np.ndarray, " entries"]
    asked: Float64[np.ndarray, " entries"]

    def asks_as(self, other: Tally) -> bool:
        """Whether both are of the same numbers of queries of the same units, domains and classes."""
        shape, others = ((each.units, each.domains, each.classes) for each in (self, other))
        return shape == others and all(
            np.array_equal(mine, its)
            for mine, its in ((self.unit, other.unit), (self.cell, other.cell), (self.asked, other.asked))
        )

    def value(self) -> float:
        """The figure of the sample itself."""
        return float(self.figures(np.ones((1, self.units), dtype=np.int64))[0])

    def figures(self, counts: Int64[np.ndarray, "draws units"]) -> Float64[np.ndarray, " draws"]:
        """The figure with each unit counted so many times; classes and domains that nobody asks of are left out of it.

        Args:
            counts: (draws, units), at least one unit counted in each draw.
        """
        step = max(1, _AT_ONCE // max(len(self.unit), self.domains * self.classes))
        return np.concatenate([self._figures(counts[start : start + step]) for start in range(0, len(counts), step)])

    def _figures(self, counts: Int64[np.ndarray, "draws units"]) -> Float64[np.ndarray, " draws"]:
        times = np.take(counts, self.unit, axis=1).astype(np.float64)
        asked = self._by_cell(times, self.asked)
        classes = _shares(self._by_cell(times, self.worth), asked)
        there: Bool[np.ndarray, "draws domains classes"] = asked > 0
        domains = _shares(classes.sum(axis=2), there.sum(axis=2).astype(np.float64))
        mean: Float64[np.ndarray, " draws"] = domains.sum(axis=1) / there.any(axis=2).sum(axis=1)
        return mean

    def _by_cell(
        self, times: Float64[np.ndarray, "draws entries"], each: Float64[np.ndarray, " entries"]
    ) -> Float64[np.ndarray, "draws domains classes"]:
        draws, cells = len(times), self.domains * self.classes
        if cells == 1:  # as quick as can be, and what bincount is slowest at
            sums = times @ each
        else:
            places = cells * np.arange(draws)[:, None] + self.cell
            sums = np.bincount(places.ravel(), weights=(times * each).ravel(), minlength=draws * cells)
        by_cell: Float64[np.ndarray, "draws domains classes"] = sums.reshape(draws, self.domains, self.classes)
        return by_cell


def tally(
    worth: Float64[np.ndarray, " queries"],
    units: Int64[np.ndarray, " queries"],
    *,
    classes: Int64[np.ndarray, " queries"] | None = None,
    domains: Int64[np.ndarray, " queries"] | None = None,
) -> Tally:
    """The sums by unit, domain and class.

    Args:
        worth: What each answer counts, from 0 to 1: 1.0 for a right one.
        units: Number of each query's unit, from 0, as of `evaluation.protocols.fold.units_of`; at least one query.
        classes: Each query's class, from 0, for a macro accuracy, to which every class counts the same; else None.
        domains: Each query's domain, from 0, for a mean over domains, each of the same weight; else None.
    """
    one = np.zeros(len(units), dtype=np.int64)
    place = (units, one if domains is None else domains, one if classes is None else classes)
    many, wide, deep = (int(codes.max()) + 1 for codes in place)
    keys, entry = np.unique(np.ravel_multi_index(place, (many, wide, deep)), return_inverse=True)
    unit, cell = np.divmod(keys, wide * deep)
    asked = np.bincount(entry).astype(np.float64)
    return Tally(many, wide, deep, unit, cell, np.bincount(entry, weights=worth), asked)


def _shares(
    parts: Float64[np.ndarray, "*shape"], wholes: Float64[np.ndarray, "*shape"]
) -> Float64[np.ndarray, "*shape"]:
    shares = np.zeros_like(parts)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
