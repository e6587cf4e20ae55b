"""What each unit of a resample brings along, so that a figure of thousands of resamples is two matrix products.

A unit is what is drawn as a whole: a patient with all of its images, or an image without a group. Every figure here is
a mean over domains of a mean over classes of right/asked, where a plain accuracy has one of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

__all__ = ["Tally", "tally"]


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums over each unit's queries.

    Attributes:
        worth: (units, domains, classes) what a unit's answers are worth: how many are right, or the sum of shares.
        asked: (units, domains, classes) how many queries a unit has.
    """

    worth: Float64[np.ndarray, "units domains classes"]
    asked: Float64[np.ndarray, "units domains classes"]

    def value(self) -> float:
        """The figure of the sample itself."""
        return float(self.figures(np.ones((1, len(self.worth)), dtype=np.int64))[0])

    def figures(self, counts: Int64[np.ndarray, "draws units"]) -> Float64[np.ndarray, " draws"]:
        """The figure with each unit counted so many times; classes and domains that nobody asks of are left out of it.

        Args:
            counts: (draws, units), at least one unit counted in each draw.
        """
        times = counts.astype(np.float64)
        asked = np.tensordot(times, self.asked, axes=1)
        classes = _shares(np.tensordot(times, self.worth, axes=1), asked)
        there: Bool[np.ndarray, "draws domains classes"] = asked > 0
        domains = _shares(classes.sum(axis=2), there.sum(axis=2).astype(np.float64))
        mean: Float64[np.ndarray, " draws"] = domains.sum(axis=1) / there.any(axis=2).sum(axis=1)
        return mean


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
    shape = tuple(int(codes.max()) + 1 for codes in place)
    sums, asked = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, place, worth)
    np.add.at(asked, place, 1.0)
    return Tally(sums, asked)


def _shares(
    parts: Float64[np.ndarray, "*shape"], wholes: Float64[np.ndarray, "*shape"]
) -> Float64[np.ndarray, "*shape"]:
    shares = np.zeros_like(parts)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
