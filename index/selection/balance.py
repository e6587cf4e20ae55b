"""`label_balance`: the labels that the next demonstration may have."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

from invariantselect.wire.options import LabelBalance

__all__ = ["open_labels"]


def open_labels(
    balance: LabelBalance, counts: Int64[np.ndarray, " labels"], available: Bool[np.ndarray, " labels"]
) -> Bool[np.ndarray, " labels"]:
    """Mask of the labels to choose from next.

    Args:
        balance: ``even`` opens the labels with the fewest chosen; ``cover`` opens the labels with none chosen while
            there are any, then all; ``none`` opens all.
        counts: How many of each label are chosen already.
        available: Labels that still have something that may be chosen; no other label is opened.
    """
    if balance == "none" or not available.any():
        return available
    fewest = available & (counts == (counts[available].min() if balance == "even" else 0))
    return fewest if fewest.any() else available
