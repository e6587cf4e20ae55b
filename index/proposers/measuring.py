"""How well an approximate kind does: its recall and its time against an exact search, on queries made for that.

The queries are stored vectors, evenly spaced over the segment, each moved in a random direction by its own length.
That makes them about as hard as new vectors of the pool's own classes and domains. Queries from a domain that the pool
lacks are harder: of their neighbours less is found than is measured here (`python -m benchmarks --only search`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import numpy as np
from jaxtyping import Float32, Int64

from index.inner_products import scores_of
from index.manifest import Depth
from index.proposers.kind import Tick
from index.proposers.proposer import Proposer
from index.segments import Segment

__all__ = ["DEPTHS", "Yardstick", "probe_queries"]

DEPTHS = (10, 30, 100)
"""Numbers of neighbours for which a recall is measured; a search for more than the last is exact."""

_QUERIES = 256
_MOVED_BY = 1.0
_AT_ONCE = 16
_TIMED = 9


class Yardstick:
    """What an exact search of a segment finds, to measure proposers by.

    Args:
        segment: What is searched.
        tick: Told how far it is.

    Attributes:
        queries: (queries, dim) float32, see `probe_queries`.
        ks: Those of `DEPTHS` that the segment has vectors for.
        milliseconds: Median of an exact search on one thread.
    """

    def __init__(self, segment: Segment, tick: Tick) -> None:
        self._segment = segment
        self.queries = probe_queries(segment)
        self.ks = [k for k in DEPTHS if k <= segment.count]
        # Of each query the score of its k-th nearest.
        self._worst = {k: np.empty(len(self.queries), np.float32) for k in self.ks}
        for start in range(0, len(self.queries), _AT_ONCE):
            tick("searching exactly", start, len(self.queries))
            some = self.queries[start : start + _AT_ONCE]
            for number, offsets in enumerate(segment.candidates(some, max(self.ks), None), start):
                scores = np.sort(self._scores(self.queries[number], offsets))
                for k in self.ks:
                    self._worst[k][number] = scores[-k]
        took = []
        for query in self.queries[:_TIMED]:
            began = time.perf_counter()
            segment.candidates(query[np.newaxis], max(self.ks), None)
            took.append(time.perf_counter() - began)
        self.milliseconds = 1e3 * median(took)

    def depth(self, proposer: Proposer, k: int, efforts: Sequence[int], *, asked: float) -> tuple[Depth | None, float]:
        """The smallest effort that reaches the asked recall, if it is faster than an exact search.

        Args:
            proposer: The segment's approximate half.
            k: Of how many neighbours, one of `ks`.
            efforts: To choose from, ascending.
            asked: The recall, from 0 to 1.

        Returns:
            What was measured, None where no effort does; and the best recall that was seen.
        """
        best = 0.0
        for effort in efforts:
            recall, milliseconds = self._measured(proposer, k, effort)
            best = max(best, recall)
            if milliseconds >= self.milliseconds:
                break
            if recall >= asked:
                return Depth(k, effort, recall, milliseconds, self.milliseconds), best
        return None, best

    def _measured(self, proposer: Proposer, k: int, effort: int) -> tuple[float, float]:
        hits, took = 0, []
        for query, worst in zip(self.queries, self._worst[k], strict=True):
            began = time.perf_counter()
            offsets = proposer.propose(query, k, effort)
            took.append(time.perf_counter() - began)
            # Of vectors that tie for the last place any is right.
            hits += min(k, int(np.count_nonzero(self._scores(query, offsets) >= worst)))
        return hits / (k * len(self.queries)), 1e3 * median(took)

    def _scores(self, query: Float32[np.ndarray, " dim"], offsets: Int64[np.ndarray, " n"]) -> np.ndarray:
        scores: np.ndarray = scores_of(self._segment.vectors(offsets), query[np.newaxis])[0]
        return scores


def probe_queries(segment: Segment) -> Float32[np.ndarray, "queries dim"]:
    """The queries that a segment is measured by, the same each time; see above."""
    offsets = np.unique(np.linspace(0, segment.count - 1, _QUERIES).astype(np.int64))
    vectors = segment.vectors(offsets)
    away = np.random.default_rng(0).standard_normal(vectors.shape)
    away *= _MOVED_BY * np.linalg.norm(vectors, axis=1, keepdims=True) / np.linalg.norm(away, axis=1, keepdims=True)
    queries = vectors + away
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return np.asarray(queries, dtype=np.float32)
