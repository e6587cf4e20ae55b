"""Recall and time of every way of searching, in one process, in turn."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.search.scene import Scene
from benchmarks.search.ways import Way, bare, ours, peers, recall_of
from benchmarks.spread import Spread

QUERIES = 200


@dataclass(frozen=True)
class WayFigures:
    """What one way does.

    Attributes:
        name: Of the way, with its parameters.
        note: Why there is nothing to measure.
        build_seconds: How long it took to make; None for what is only written down.
        promised: The recall that its manifest promises.
        ms: Milliseconds of a query.
        recall: On held-out queries.
        recall_unseen: On those of an unseen domain.
    """

    name: str
    note: str
    build_seconds: float | None
    promised: float | None
    ms: Spread | None = None
    recall: float | None = None
    recall_unseen: float | None = None


def measure(workplace: Path, *, count: int, dim: int, recall: float, rounds: int) -> list[WayFigures]:
    """Every way over `count` vectors, a round of each in turn."""
    faiss.omp_set_num_threads(1)
    scene = Scene(dim)
    matrix = scene.matrix(count)
    held_out, unseen = scene.held_out(QUERIES), scene.unseen(QUERIES)
    exact = bare(matrix)
    if exact.search is None:
        raise RuntimeError("bare FAISS can always be searched")
    truth = [exact.search(query) for query in held_out]
    truth_unseen = [exact.search(query) for query in unseen]
    with tempfile.TemporaryDirectory(dir=workplace) as folder:
        ways = [exact, *ours(Path(folder), matrix, recall), *peers(matrix, recall, held_out, truth)]
        times: dict[str, list[float]] = {way.name: [] for way in ways if way.search is not None}
        few = held_out[: max(10, min(QUERIES, 20_000_000 // count))]  # a scan of a million takes a tenth of a second
        for _ in range(rounds):
            for way in ways:
                if way.search is not None:
                    times[way.name].append(_milliseconds(way.search, few))
        return [_figures(way, times, (held_out, truth), (unseen, truth_unseen)) for way in ways]


def _figures(
    way: Way,
    times: dict[str, list[float]],
    seen: tuple[NDArray[np.float32], list[NDArray[np.int64]]],
    unseen: tuple[NDArray[np.float32], list[NDArray[np.int64]]],
) -> WayFigures:
    about = (way.name, way.note, way.build_seconds, way.promised)
    if way.search is None:
        return WayFigures(*about)
    ms = Spread(tuple(times[way.name]))
    return WayFigures(*about, ms, recall_of(way.search, *seen), recall_of(way.search, *unseen))


def _milliseconds(search: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> float:
    took = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        took.append(time.perf_counter() - began)
    return 1e3 * median(took)
