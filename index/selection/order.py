"""`order`: how the chosen demonstrations stand in the prompt."""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest

import numpy as np
from jaxtyping import Int, UInt64

from invariantselect.wire.options import Order

__all__ = ["prompt_order"]


def prompt_order(order: Order, labels: Int[np.ndarray, " m"], drawn: UInt64[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
    """The chosen, given nearest first, as they stand in the prompt.

    Args:
        order: ``nearest_last`` puts the most similar next to the query; ``nearest_first`` the other way round;
            ``interleaved`` deals one of each label in turn, its nearest first, labels by their nearest, and puts the
            whole in reverse, so that the nearest of all stands last; ``shuffled`` follows `drawn`.
        labels: Label of each, nearest first.
        drawn: A random number for each, no two equal; only ``shuffled`` looks at it.

    Returns:
        Numbers of the chosen in prompt order.
    """
    nearest_first = np.arange(len(labels))
    if order == "nearest_first":
        return nearest_first
    if order == "nearest_last":
        return nearest_first[::-1]
    if order == "shuffled":
        return np.argsort(drawn)
    hands: defaultdict[int, list[int]] = defaultdict(list)
    for number, label in enumerate(labels.tolist()):
        hands[label].append(number)
    dealt = [number for turn in zip_longest(*hands.values()) for number in turn if number is not None]
    return np.array(dealt[::-1], dtype=nearest_first.dtype)
