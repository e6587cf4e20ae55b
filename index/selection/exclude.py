"""What may never be chosen: the query itself, what the caller bars, near-duplicates, the query's own group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64

from index.selection.query import ResolvedQuery
from index.selection.searchable import Searchable
from invariantselect.wire.options import Exclusions

__all__ = ["Barrier", "bar_ids"]

# Unit vectors in float32 carry about this much error in their cosine: an exact copy may score 0.9999999.
_ROUNDING = 1e-6
# What `similarities` may be off by, and more.
_SCAN_ROUNDING = 1e-3
_HASH = np.dtype("S64")
_NONE: Int32[np.ndarray, " 0"] = np.empty(0, dtype=np.int32)


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
        self._vector = query.vector
        self._distinct: Bool[np.ndarray, " size"] | None = None
        self._met_duplicates = False
        self._groups = _own_groups(snapshot, query) if exclude.own_group else _NONE

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
            distinct = scores.astype(np.float64) < self._threshold - _ROUNDING
            self._met_duplicates |= not distinct.all()
            passes &= distinct
        if len(self._groups):
            passes &= ~np.isin(self._snapshot.groups.codes[positions], self._groups)
        return passes

    def among(self, mask: Bool[np.ndarray, " size"]) -> Bool[np.ndarray, " size"]:
        """A copy of `mask` without what can be barred unseen: itself, what it bars, its own group, and where
        near-duplicates were met, those that certainly are.

        It costs a pass over the pool: worth it once a first look didn't suffice, for then a second one does.
        """
        left = mask.copy()
        if self._own is not None:
            left[self._own] = False
        if self._barred is not None:
            left[self._barred] = False
        if len(self._groups):
            left &= ~np.isin(self._snapshot.groups.codes, self._groups)
        if self._threshold is not None and self._met_duplicates:
            # Images of one kind may all lie above it: they would be passed one by one, the nearest first.
            if self._distinct is None:
                self._distinct = self._snapshot.similarities(self._vector) < self._threshold + _SCAN_ROUNDING
            left &= self._distinct
        return left


def _own_groups(snapshot: Searchable, query: ResolvedQuery) -> Int32[np.ndarray, " g"]:
    """Codes of the group that the query has; where it names none, of those that its very image is stored under."""
    if query.group is not None:
        values = snapshot.groups.values
        return np.array([values.index(query.group)] if query.group in values else [], dtype=np.int32)
    if query.sha256 is None:
        return _NONE
    codes = np.unique(snapshot.groups.codes[_holding(snapshot, query.sha256)])
    return codes[codes >= 0]


def _holding(snapshot: Searchable, sha256: str) -> Int64[np.ndarray, " m"]:
    """Living positions of an image. Of a million hashes, eight bytes each are compared, and the rest of few."""
    hashes = np.ascontiguousarray(snapshot.sha256)
    if hashes.dtype != _HASH or not len(hashes):
        return np.flatnonzero((hashes == sha256) & snapshot.alive)
    first = hashes.view(np.uint64).reshape(len(hashes), -1)[:, 0]
    wanted = np.array([sha256.encode()], dtype=_HASH)
    near = np.flatnonzero((first == wanted.view(np.uint64)[0]) & snapshot.alive)
    found: Int64[np.ndarray, " m"] = near[hashes[near] == wanted[0]]
    return found
