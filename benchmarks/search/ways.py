"""Ways of searching the same vectors: bare FAISS, our segments of each kind, hnswlib, usearch. One thread each."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.search.scene import BLOCK
from index.manifest import SegmentEntry
from index.proposers.choosing import with_proposer
from index.proposers.kind import untold
from index.proposers.kinds import KINDS
from index.search import Sources
from index.segments import open_segment, write_segment
from index.tail import Tail

K, LINKS, CONSTRUCTION = 10, 32, 80
EFFORTS = (16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, eq=False)
class Way:
    """One way of searching.

    Attributes:
        name: Of the way, with its parameters.
        search: One query to the positions of its K nearest.
        build_seconds: How long it took to make; None for what is only written down.
        promised: The recall that its manifest promises.
        note: Why there is nothing to measure.
    """

    name: str
    search: Callable[[NDArray[np.float32]], NDArray[np.int64]] | None
    build_seconds: float | None = None
    promised: float | None = None
    note: str = ""


def bare(matrix: NDArray[np.float32]) -> Way:
    """FAISS's exact index, in memory."""
    index = faiss.IndexFlatIP(matrix.shape[1])
    index.add(matrix)

    def search(query: NDArray[np.float32]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = index.search(query[np.newaxis], K)[1][0]
        return found

    return Way("bare FAISS, exact", search)


def ours(folder: Path, matrix: NDArray[np.float32], recall: float) -> Iterator[Way]:
    """Our segments: exact, and each approximate kind asked for a recall."""
    dim = matrix.shape[1]
    blocks = ((np.arange(start, min(start + BLOCK, len(matrix))), matrix[start : start + BLOCK])
              for start in range(0, len(matrix), BLOCK))  # fmt: skip
    entry = write_segment(folder, blocks, dim, expected=len(matrix))
    if entry is None:
        raise RuntimeError("there is nothing to search")
    ids = np.array([f"{number:08d}" for number in range(len(matrix))], dtype=object)
    yield Way("ours, exact", _searching(folder, entry, dim, ids, exact=True))
    for kind in KINDS.values():
        began = time.perf_counter()
        made = with_proposer(folder, entry, dim, recall, untold, kinds=[kind])
        seconds = time.perf_counter() - began
        if made.proposer is None:
            yield Way(f"ours, {kind.name}", None, note=made.note)
            continue
        depth = made.proposer.depths[0]
        parameters = ", ".join(f"{name} {value}" for name, value in made.proposer.parameters.items())
        name = f"ours, {kind.name} ({parameters}, {made.proposer.effort_name} {depth.effort})"
        yield Way(name, _searching(folder, made, dim, ids, exact=False), seconds, depth.recall)


def _searching(
    folder: Path, entry: SegmentEntry, dim: int, ids: NDArray[Any], *, exact: bool
) -> Callable[[NDArray[np.float32]], NDArray[np.int64]]:
    sources = Sources((open_segment(folder, entry, dim),), Tail(dim))
    return lambda query: sources.nearest(query[np.newaxis], K, None, ids, exact=exact)[0].positions


def peers(
    matrix: NDArray[np.float32], recall: float, queries: NDArray[np.float32], truth: Sequence[NDArray[np.int64]]
) -> Iterator[Way]:
    """hnswlib and usearch, with as many links, and the smallest effort that reaches the recall on these queries."""
    for name, build in (("hnswlib", _hnswlib), ("usearch", _usearch)):
        try:
            module = importlib.import_module("usearch.index" if name == "usearch" else name)
        except ImportError:
            yield Way(name, None, note="not installed here")
            continue
        began = time.perf_counter()
        ask = build(module, matrix)
        seconds = time.perf_counter() - began
        for effort in EFFORTS:
            if recall_of(ask(effort), queries, truth) >= recall:
                break
        told = f"{name} (M {LINKS}, efConstruction {CONSTRUCTION}, efSearch {effort})"
        yield Way(told, ask(effort), seconds)


def recall_of(
    search: Callable[[NDArray[np.float32]], NDArray[np.int64]], queries: NDArray[np.float32], truth: Sequence[Any]
) -> float:
    """Share of the K nearest that are found, mean over the queries."""
    return float(np.mean([np.isin(search(query), known).mean() for query, known in zip(queries, truth, strict=True)]))


def _hnswlib(module: Any, matrix: NDArray[np.float32]) -> Callable[[int], Callable[..., NDArray[np.int64]]]:
    index = module.Index(space="ip", dim=matrix.shape[1])
    index.init_index(max_elements=len(matrix), M=LINKS, ef_construction=CONSTRUCTION)
    for start in range(0, len(matrix), BLOCK):
        index.add_items(matrix[start : start + BLOCK], np.arange(start, min(start + BLOCK, len(matrix))), num_threads=1)

    def ask(effort: int) -> Callable[..., NDArray[np.int64]]:
        index.set_ef(effort)
        return lambda query: index.knn_query(query, k=K, num_threads=1)[0][0].astype(np.int64)

    return ask


def _usearch(module: Any, matrix: NDArray[np.float32]) -> Callable[[int], Callable[..., NDArray[np.int64]]]:
    index = module.Index(ndim=matrix.shape[1], metric="ip", dtype="f32", connectivity=LINKS, expansion_add=CONSTRUCTION)
    for start in range(0, len(matrix), BLOCK):
        index.add(np.arange(start, min(start + BLOCK, len(matrix))), matrix[start : start + BLOCK], threads=1)

    def ask(effort: int) -> Callable[..., NDArray[np.int64]]:
        index.expansion_search = effort
        return lambda query: index.search(query, K, threads=1).keys.astype(np.int64)

    return ask
