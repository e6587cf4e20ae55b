"""The learning rate over a training: warm-up, then half a cosine down to nothing."""

from __future__ import annotations

import math

__all__ = ["rate_at"]

_WARM_UP = 0.06


def rate_at(step: int, steps: int, highest: float) -> float:
    """The learning rate of a step.

    Source: Loshchilov and Hutter, SGDR, 2017, https://arxiv.org/abs/1608.03983, without restarts.

    Args:
        step: From 0 to steps − 1.
        steps: How many there are.
        highest: The rate where the warm-up ends.
    """
    warm = max(1, round(_WARM_UP * steps))
    return highest * min(1.0, (step + 1) / warm) * 0.5 * (1.0 + math.cos(math.pi * step / steps))
