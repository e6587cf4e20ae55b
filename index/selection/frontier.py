"""How far one query's ranking has been looked at: pools are large and k is small, so most of it never is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf
from time import perf_counter

import numpy as np
from jaxtyping import Bool, Float32, Int64

from index.selection.exclude import Barrier
from index.selection.ranking import Key, Ranked, Ranking

__all__ = ["Frontier", "Strata"]

_NOTHING: Key = (-inf, "")
_EVERYTHING: Key = (inf, "")


@dataclass(frozen=True, eq=False)
class Strata:
    """The pool cut into the parts that are walked separately: by label, or one part when labels don't matter.

    Attributes:
        codes: Stratum of each position, from 0.
        present: Whether a stratum has anything that may be chosen, for each stratum.
    """

    codes: Int64[np.ndarray, " size"]
    present: Bool[np.ndarray, " strata"]


class Frontier:
    """The known candidates of one query in rank order, and for each stratum the rank up to which all are known.

    Args:
        ranking: Hands out more of the ranking.
        query: The query's number in the ranking's batch.
        strata: Parts of the pool.
        allowed: Mask of what may be chosen for any query of the batch.
        barrier: What of it may not be chosen for this query.
    """

    def __init__(
        self,
        ranking: Ranking,
        query: int,
        strata: Strata,
        allowed: Bool[np.ndarray, " size"],
        barrier: Barrier,
    ) -> None:
        self._ranking, self._query, self._strata = ranking, query, strata
        self._allowed, self._barrier = allowed, barrier
        self._seen: list[Int64[np.ndarray, " some"]] = []
        self._known: list[Key] = [_NOTHING if present else _EVERYTHING for present in strata.present.tolist()]
        self._keys: list[Key] = []
        self.positions: Int64[np.ndarray, " n"] = np.empty(0, dtype=np.int64)
        self.scores: Float32[np.ndarray, " n"] = np.empty(0, dtype=np.float32)
        self.search_seconds = 0.0

    def strata(self) -> Int64[np.ndarray, " n"]:
        """Stratum of each known candidate."""
        strata: Int64[np.ndarray, " n"] = self._strata.codes[self.positions]
        return strata

    def known(self) -> Int64[np.ndarray, " strata"]:
        """For each stratum, how many of the known candidates stand before the first that may be missing.

        A stratum of which nothing is missing has one more than there are candidates.
        """
        n = len(self._keys)
        ends = [n + 1 if key == _EVERYTHING else bisect_right(self._keys, key) for key in self._known]
        return np.array(ends, dtype=np.int64)

    def incomplete(self) -> Bool[np.ndarray, " strata"]:
        """Strata of which something may not be known yet."""
        return np.array([key != _EVERYTHING for key in self._known], dtype=np.bool_)

    def add(self, ranked: Ranked, strata: Bool[np.ndarray, " strata"]) -> None:
        """Take in the next best of some strata: everything of them up to the last that is given."""
        end = _EVERYTHING if ranked.exhausted else ranked.keys[-1]
        for stratum in np.flatnonzero(strata & self.incomplete()).tolist():
            self._known[stratum] = end
        self._seen.append(ranked.positions)
        kept = np.flatnonzero(self._barrier.lets_pass(ranked.positions, ranked.scores))
        keys = self._keys + [ranked.keys[number] for number in kept.tolist()]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._keys = [keys[number] for number in order]
        self.positions = np.concatenate([self.positions, ranked.positions[kept]])[order]
        self.scores = np.concatenate([self.scores, ranked.scores[kept]])[order]

    def extend(
        self, strata: Bool[np.ndarray, " strata"], limit: int, room: Bool[np.ndarray, " size"] | None = None
    ) -> None:
        """Look at the next `limit` of some strata, passing over what the caps have no `room` for any more."""
        mask = self._barrier.among(self._allowed & strata[self._strata.codes])
        for positions in self._seen:
            mask[positions] = False
        if room is not None:
            mask &= room
        began = perf_counter()
        ranked = self._ranking.alone(self._query, mask, limit)
        self.search_seconds += perf_counter() - began
        self.add(ranked, strata)
