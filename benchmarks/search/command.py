"""Measuring search: `python -m benchmarks --only search`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.search import kinds, live, page, pool

SIZES = (10_000, 100_000, 1_000_000)
DIM, RECALL = 512, 0.95
MOST_APPROXIMATE = 100_000
"""Beyond this, building the graphs takes hours on a small machine: only exact search is measured."""


def run(workplace: Path, *, sizes: Sequence[int], rounds: int) -> str:
    """Measure search at each size; the section for docs/benchmarks.md."""
    ways, pools, served = {}, [], []
    for count in sizes:
        approximate = count <= MOST_APPROXIMATE
        if approximate:
            print(f"search of {count:,} …", flush=True)
            ways[count] = kinds.measure(workplace, count=count, dim=DIM, recall=RECALL, rounds=rounds)
        print(f"a pool of {count:,} …", flush=True)
        folder = workplace / f"pool-{count}"
        folder.mkdir()
        asked = (None, RECALL) if approximate else (None,)
        pools.append(pool.measure(folder, count=count, dim=DIM, recalls=asked, rounds=rounds))
        print(f"a server of {count:,} …", flush=True)
        about = {"pool": pool.POOL, "fingerprint": pool.FINGERPRINT}
        served.append(live.measure(folder, **about, dim=DIM, count=count, recall=asked[-1]))
        shutil.rmtree(folder)
    return page.section(ways, pools, served, dim=DIM, recall=RECALL, rounds=rounds)
