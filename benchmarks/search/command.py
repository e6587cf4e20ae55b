"""Measuring search: `python -m benchmarks --only search`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.search import kinds, page, pool

SIZES = (10_000, 100_000, 1_000_000)
DIM, RECALL = 512, 0.95


def run(workplace: Path, *, sizes: Sequence[int], rounds: int) -> str:
    """Measure search at each size; the section for docs/benchmarks.md."""
    ways, pools = {}, []
    for count in sizes:
        print(f"search of {count:,} …", flush=True)
        ways[count] = kinds.measure(workplace, count=count, dim=DIM, recall=RECALL, rounds=rounds)
        print(f"a pool of {count:,} …", flush=True)
        folder = workplace / f"pool-{count}"
        folder.mkdir()
        pools.append(pool.measure(folder, count=count, dim=DIM, recall=RECALL, rounds=rounds))
    return page.section(ways, pools, dim=DIM, recall=RECALL, rounds=rounds)
