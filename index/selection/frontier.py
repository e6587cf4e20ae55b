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
        self._positions: Int64[np.ndarray, " n"] = np.empty(0, dtype=np.int64)
        self._scores: Float32[np.ndarray, " n"] = np.empty(0, dtype=np.float32)
        # Pieces that weren't sorted in yet: with a piece for each label, sorting each at once would be quadratic.
        self._pieces: list[tuple[list[Key], Int64[np.ndarray, " m"], Float32[np.ndarray, " m"]]] = []
        self.search_seconds = 0.0

    @property
    def positions(self) -> Int64[np.ndarray, " n"]:
        """Of the known candidates."""
        self._sort()
        return self._positions

    @property
    def scores(self) -> Float32[np.ndarray, " n"]:
        """Of the known candidates."""
        self._sort()
        return self._scores

    def allowed(self) -> Bool[np.ndarray, " size"]:
        """Mask of what may be chosen, but for what only a score or a content tells."""
        return self._barrier.among(self._allowed)

    def strata(self) -> Int64[np.ndarray, " n"]:
        """Stratum of each known candidate."""
        strata: Int64[np.ndarray, " n"] = self._strata.codes[self.positions]
        return strata

    def known(self) -> Int64[np.ndarray, " strata"]:
        """For each stratum, how many of the known candidates stand before the first that may be missing.

        A stratum of which nothing is missing has one more than there are candidates.
        """
        self._sort()
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
        keys = [ranked.keys[number] for number in kept.tolist()]
        self._pieces.append((keys, ranked.positions[kept], ranked.scores[kept]))

    def _sort(self) -> None:
        if not self._pieces:
            return
        keys, positions, scores = zip((self._keys, self._positions, self._scores), *self._pieces, strict=True)
        self._pieces.clear()
        together = [key for some in keys for key in some]
        order = sorted(range(len(together)), key=together.__getitem__)
        self._keys = [together[number] for number in order]
        self._positions = np.concatenate(positions)[order]
        self._scores = np.concatenate(scores)[order]

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
