"""A whole pool of many vectors: select by vector against bare FAISS, opening, memory, rebuilding. In own processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import faiss
import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks import pools
from benchmarks.search.scene import Scene
from benchmarks.spread import Spread
from index.pools import Pools
from index.selection.query import ResolvedQuery
from index.selection.select import select
from invariantselect.wire.options import SelectionOptions

POOL, K, FINGERPRINT = "bench", 10, "0" * 64
_LOOKS_A_SECOND = 50
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Served:
    """A process that opened the pool and searched it.

    Attributes:
        kind: Of the segments.
        open_seconds: Until the snapshot was there.
        private_mb: Memory of its own by then, and after the searches.
        mapped_mb: Pages of files that it looked at.
        search_ms: Of `Snapshot.search` by a vector.
        select_ms: Of a selection by a vector.
        bare_ms: Of bare FAISS over the same vectors, in the same process, in turn; exact.
    """

    kind: str
    open_seconds: float
    private_mb: float
    mapped_mb: float
    search_ms: Spread
    select_ms: Spread
    bare_ms: Spread


@dataclass(frozen=True)
class Rebuilt:
    """A rebuild that keeps the vectors: how long, and the most memory of its own that the process had."""

    recall: float | None
    seconds: float
    peak_private_mb: float


def fill(workplace: Path, *, count: int, dim: int) -> None:
    """Put so many vectors into a new pool."""
    vectors = Scene(dim).block
    pools.fill(workplace, name=POOL, encoder="bench", fingerprint=FINGERPRINT, dim=dim, count=count, vectors=vectors)


def measure(workplace: Path, *, dim: int, recall: float | None, rounds: int) -> tuple[Rebuilt, Served]:
    """Rebuild the pool for a recall, None for exact search, and search it, in processes of their own."""
    seconds, peak = _watched("rebuild", str(workplace), json.dumps(recall))
    told = json.loads(_child("serve", str(workplace), str(dim), str(rounds)))
    spreads = {name: Spread(tuple(told.pop(name))) for name in ("search_ms", "select_ms", "bare_ms")}
    return Rebuilt(recall, seconds, peak), Served(**told, **spreads)


def _child(*words: str) -> str:
    command = [sys.executable, "-m", "benchmarks.search.pool", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _watched(*words: str) -> tuple[float, float]:
    """Seconds that a child worked, as it says, and the most private memory it was seen with, in MB."""
    command = [sys.executable, "-m", "benchmarks.search.pool", *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process, peak = psutil.Process(child.pid), 0.0
    while child.poll() is None:
        try:
            memory = process.memory_info()
        except psutil.NoSuchProcess:
            break
        peak = max(peak, (memory.rss - memory.shared) / 1e6)
        time.sleep(1 / _LOOKS_A_SECOND)
    told, _ = child.communicate()
    if child.returncode != 0:
        raise RuntimeError("the rebuild failed")
    return float(json.loads(told)), peak


def _rebuild(data: Path, recall: float | None) -> float:
    pool = Pools(data).open(POOL)
    began = time.perf_counter()
    pool.rebuild(None, recall=recall)
    return time.perf_counter() - began


def _serve(data: Path, dim: int, rounds: int) -> dict[str, Any]:
    process = psutil.Process()
    before = process.memory_info()
    began = time.perf_counter()
    pool = Pools(data).open(POOL)
    snapshot = pool.snapshot()
    opened = time.perf_counter() - began
    scene = Scene(dim)
    count = snapshot.size
    queries = scene.held_out(max(10, min(200, 10_000_000 // count)))
    options = SelectionOptions(k=K)
    snapshot.search(queries[:1], K)
    after = process.memory_info()
    bare = faiss.IndexFlatIP(dim)
    for start in range(0, count, _ROWS_AT_ONCE):
        bare.add(snapshot.vectors(np.arange(start, min(start + _ROWS_AT_ONCE, count))))
    faiss.omp_set_num_threads(1)
    times: dict[str, list[float]] = {"search_ms": [], "select_ms": [], "bare_ms": []}
    for _ in range(rounds):
        times["search_ms"].append(_median_ms(queries, lambda query: snapshot.search(query[np.newaxis], K)))
        times["select_ms"].append(
            _median_ms(queries, lambda query: select(snapshot, [ResolvedQuery(vector=query)], options))
        )
        times["bare_ms"].append(_median_ms(queries, lambda query: bare.search(query[np.newaxis], K)))
    return {
        "kind": " and ".join(dict.fromkeys(segment.entry.kind for segment in snapshot.sources.segments)),
        "open_seconds": opened,
        "private_mb": ((after.rss - after.shared) - (before.rss - before.shared)) / 1e6,
        "mapped_mb": (after.shared - before.shared) / 1e6,
        **times,
    }


def _median_ms(queries: NDArray[np.float32], search: Any) -> float:
    took = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        took.append(time.perf_counter() - began)
    return 1e3 * median(took)


def _main(words: Sequence[str]) -> None:
    match words:
        case ["rebuild", data, recall]:
            told: Any = _rebuild(Path(data), json.loads(recall))
        case ["serve", data, *numbers]:
            dim, rounds = map(int, numbers)
            told = _serve(Path(data), dim, rounds)
        case _:
            raise ValueError(words)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main(sys.argv[1:])
