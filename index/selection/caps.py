"""`max_per_group` and `max_per_domain`: no more than so many of one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Bool, Int32

__all__ = ["has_room", "most_admitted"]


def has_room(
    codes: Int32[np.ndarray, " n"], chosen: Int32[np.ndarray, " m"], cap: int | None
) -> Bool[np.ndarray, " n"]:
    """Which candidates could be chosen without exceeding the cap.

    Args:
        codes: Group (or domain) of each candidate; −1, a missing one, is never limited.
        chosen: Groups of what is chosen already.
        cap: How many may be chosen of one group; None for any number.
    """
    if cap is None:
        return np.ones(len(codes), dtype=np.bool_)
    counts = Counter(chosen[chosen >= 0].tolist())
    full = [code for code, count in counts.items() if count >= cap]
    return np.isin(codes, full, invert=True)


def most_admitted(codes: Int32[np.ndarray, " n"], cap: int | None) -> int:
    """How many of some candidates a cap lets be chosen together.

    Args:
        codes: Group (or domain) of each; −1, a missing one, is never limited.
        cap: How many may be chosen of one group; None for any number.
    """
    if cap is None:
        return len(codes)
    counts = np.bincount(codes[codes >= 0])
    return int(np.minimum(counts, cap).sum()) + int(np.count_nonzero(codes < 0))
