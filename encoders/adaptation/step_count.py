"""How many steps of training a budget allows."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["steps_within"]

_FEWEST, _MOST = 40, 400


def steps_within(left: float, seconds_a_step: Callable[[], float], *, trainings: float | int) -> int:
    """Steps of a training; 0 where the budget doesn't allow enough of them to learn anything.

    Args:
        left: Seconds of the budget.
        seconds_a_step: Measures a step; not called where nothing is left.
        trainings: How many of that length share them.
    """
    steps = min(_MOST, int(left / trainings / max(seconds_a_step(), 1e-6))) if left > 0 else 0
    return steps if steps >= _FEWEST else 0
