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


def most_admitted(
    groups: Int32[np.ndarray, " n"],
    domains: Int32[np.ndarray, " n"],
    *,
    per_group: int | None,
    per_domain: int | None,
) -> int:
    """No more of some candidates than this can be chosen together under both caps.

    Exact where no group is in two domains: a patient of one hospital.

    Args:
        groups: Group of each; −1, a missing one, is never limited.
        domains: Likewise.
        per_group: How many may be chosen of one group; None for any number.
        per_domain: How many of one domain.
    """
    return min(_nested(groups, per_group, domains, per_domain), _nested(domains, per_domain, groups, per_group))


def _nested(
    inner: Int32[np.ndarray, " n"], inner_cap: int | None, outer: Int32[np.ndarray, " n"], outer_cap: int | None
) -> int:
    """As if what is of one `inner` and of two `outer` were of two `inner`."""
    stride = int(inner.max(initial=-1)) + 2
    pairs, counts = np.unique((outer.astype(np.int64) + 1) * stride + inner + 1, return_counts=True)
    if inner_cap is not None:
        counts = np.where(pairs % stride > 0, np.minimum(counts, inner_cap), counts)
    admitted = np.bincount(pairs // stride, weights=counts, minlength=1)
    if outer_cap is not None:
        admitted[1:] = np.minimum(admitted[1:], outer_cap)
    return int(admitted.sum())
