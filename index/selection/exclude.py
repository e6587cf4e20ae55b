"""What may never be chosen: the query itself, what the caller bars, near-duplicates, the query's own group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float32, Int64

from index.selection.query import ResolvedQuery
from index.selection.searchable import Searchable
from invariantselect.wire.options import Exclusions

__all__ = ["Barrier", "bar_ids"]

# Unit vectors in float32 carry about this much error in their cosine: an exact copy may score 0.9999999.
_ROUNDING = 1e-6


def bar_ids(snapshot: Searchable, mask: Bool[np.ndarray, " size"], ids: Iterable[str]) -> Bool[np.ndarray, " size"]:
    """`mask` without the demonstrations of these ids; ids that the pool doesn't have are passed over."""
    positions = [position for position in map(snapshot.position_of, ids) if position is not None]
    barred = mask.copy()
    barred[positions] = False
    return barred


class Barrier:
    """What may not be chosen for one query.

    Args:
        snapshot: The pool.
        query: Never chosen itself: neither its id nor its image under another id; nor what it bars.
        exclude: The caller's exclusions; its ids are left to `bar_ids`, for they are the same for every query.
    """

    def __init__(self, snapshot: Searchable, query: ResolvedQuery, exclude: Exclusions) -> None:
        self._snapshot = snapshot
        self._own = None if query.id is None else snapshot.position_of(query.id)
        self._sha256 = query.sha256
        self._barred = query.barred
        self._threshold = exclude.near_duplicates_above
        self._group: int | None = None
        if exclude.own_group and query.group is not None and query.group in snapshot.groups.values:
            self._group = snapshot.groups.values.index(query.group)

    def lets_pass(
        self, positions: Int64[np.ndarray, " n"], scores: Float32[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        """Which of some neighbours, given with their cosine similarities, may be chosen.

        Looking at the few neighbours, and not at the pool, lets queries with different exclusions share one search.
        A near-duplicate has at least the threshold, to within the rounding of float32.
        """
        passes = np.ones(len(positions), dtype=np.bool_)
        if self._own is not None:
            passes &= positions != self._own
        if self._barred is not None:
            passes &= ~np.isin(positions, self._barred)
        if self._sha256 is not None:
            hashes = self._snapshot.sha256[positions]
            passes &= hashes != (self._sha256.encode() if hashes.dtype.kind == "S" else self._sha256)
        if self._threshold is not None:
            passes &= scores.astype(np.float64) < self._threshold - _ROUNDING
        if self._group is not None:
            passes &= self._snapshot.groups.codes[positions] != self._group
        return passes

    def among(self, mask: Bool[np.ndarray, " size"]) -> Bool[np.ndarray, " size"]:
        """A copy of `mask` without what can be barred unseen: itself, what it bars, its own group.

        It costs a pass over the pool: worth it once a first look didn't suffice, for then a second one does.
        """
        left = mask.copy()
        if self._own is not None:
            left[self._own] = False
        if self._barred is not None:
            left[self._barred] = False
        if self._group is not None:
            left &= self._snapshot.groups.codes != self._group
        return left
