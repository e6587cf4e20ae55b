"""What 100,000 demonstrations cost in memory and on disk, and how long a pool of them takes to open."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.pools import fill
from index.pools import Pools

DIM = 1280


@dataclass(frozen=True)
class MemoryFigures:
    """Of one process that opened the pool and searched it once. Mapped pages belong to the page cache."""

    demonstrations: int
    private_mb: float
    mapped_mb: float
    disk_mb: float
    open_seconds: float


def measure(workplace: Path, *, demonstrations: int) -> MemoryFigures:
    """Fill a pool here, open it in a process of its own."""
    fill(workplace, name="bench", encoder="bench", fingerprint="0" * 64, dim=DIM, count=demonstrations)
    command = [sys.executable, "-m", "benchmarks.memory", str(workplace)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    disk = sum(path.stat().st_size for path in workplace.rglob("*") if path.is_file())
    return MemoryFigures(demonstrations=demonstrations, disk_mb=disk / 1e6, **answer)


def _open_and_search(data: Path) -> dict[str, float]:
    process = psutil.Process()
    gc.collect()
    before = process.memory_info()
    begin = time.perf_counter()
    snapshot = Pools(data).open("bench").snapshot()
    opened = time.perf_counter() - begin
    query = np.eye(1, DIM, dtype=np.float32)
    if len(snapshot.search(query, 7, None)[0].positions) != 7:
        raise RuntimeError("the search found fewer than 7 neighbours")
    gc.collect()
    after = process.memory_info()
    private = (after.rss - after.shared) - (before.rss - before.shared)
    return {
        "private_mb": private / 1e6,
        "mapped_mb": (after.shared - before.shared) / 1e6,
        "open_seconds": opened,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_open_and_search(Path(sys.argv[1]))))
