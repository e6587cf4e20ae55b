"""How many steps of training a budget allows."""

from __future__ import annotations

__all__ = ["steps_within"]

_FEWEST, _MOST = 40, 400


def steps_within(left: float, seconds_a_step: float, *, trainings: float | int) -> int:
    """Steps of a training; 0 where the budget doesn't allow enough of them to learn anything.

    Args:
        left: Seconds of the budget.
        seconds_a_step: What one takes.
        trainings: How many of that length share them.
    """
    steps = min(_MOST, int(left / trainings / max(seconds_a_step, 1e-6)))
    return steps if steps >= _FEWEST else 0
