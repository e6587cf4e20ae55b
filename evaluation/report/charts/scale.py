"""From a value to its place on an axis, and the round values that an axis is marked with."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Scale", "ticks"]


@dataclass(frozen=True)
class Scale:
    """A linear axis.

    Attributes:
        low: Value at its start.
        high: Value at its end; another than `low`.
        start: Coordinate of the start.
        end: Coordinate of the end.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The coordinate of a value; beyond the ends for a value beyond them."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, as many as fit between two values.

    Args:
        low: From here.
        high: To here; larger.
        most: How many at most, at least two.

    Example:
        >>> ticks(0.0, 1.0)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / (most - 1)
    power = math.floor(math.log10(rough))
    # In whole steps of the power: a tenth has no exact float, and sums of it drift.
    for factor in (1, 2, 5, 10, 20):
        unit = factor * 10.0**power
        first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
        if last - first < most:
            return [round(place * unit, max(0, -power)) for place in range(first, last + 1)]
    raise AssertionError("twenty times the power is always enough")
