"""Figures as words: percent, points, probabilities. What isn't there is a dash."""

from __future__ import annotations

from math import isnan

from evaluation.statistics.bootstrap import Estimate

__all__ = ["decimals", "percent", "percent_range", "points", "points_range", "probability"]

_NOTHING = "–"


def percent(share: float | None) -> str:
    """A share from 0 to 1 in percent, without the sign for it."""
    return _NOTHING if share is None or isnan(share) else f"{100 * share:.1f}"


def percent_range(estimate: Estimate) -> str:
    """An interval in percent."""
    return f"{percent(estimate.low)} to {percent(estimate.high)}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign.

    Example:
        >>> points(0.0789), points(-0.02), points(0.0)
        ('+7.9', '−2.0', '0.0')
    """
    rounded = round(100 * difference, 1)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f}"


def points_range(estimate: Estimate) -> str:
    """An interval in percentage points."""
    return f"{points(estimate.low)} to {points(estimate.high)}"


def probability(p: float) -> str:
    """A p-value.

    Example:
        >>> probability(0.00004), probability(0.0321)
        ('< 0.001', '0.032')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def decimals(value: float | None) -> str:
    """Any other figure, with two decimals."""
    return _NOTHING if value is None or isnan(value) else f"{value:.2f}"
