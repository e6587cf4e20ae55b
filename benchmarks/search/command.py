"""Measuring search: `python -m benchmarks --only search`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.machine import describe
from benchmarks.search import kinds, live, page, pool, records

Part: TypeAlias = Literal["ways", "pool"]

SIZES = (10_000, 100_000, 1_000_000)
PARTS: tuple[Part, ...] = ("ways", "pool")
DIM, RECALL = 512, 0.95


def run(workplace: Path, *, sizes: Sequence[int], parts: Sequence[Part], rounds: int, results: Path) -> dict[str, str]:
    """Measure parts of search at each size; the tables for docs/benchmarks.md of all that has been measured.

    Each part of a size has its record as soon as it is done.
    """
    for count in sizes:
        if "ways" in parts:
            print(f"search of {count:,} …", flush=True)
            ways = kinds.measure(workplace, count=count, dim=DIM, recall=RECALL, rounds=rounds)
            records.write(records.WaysRecord(count, _circumstances(rounds), ways), results)
        if "pool" in parts:
            records.write(_pool(workplace, count, rounds), results)
    return page.tables(records.read(records.WaysRecord, results), records.read(records.PoolRecord, results))


def _pool(workplace: Path, count: int, rounds: int) -> records.PoolRecord:
    print(f"a pool of {count:,} …", flush=True)
    folder = workplace / f"pool-{count}"
    folder.mkdir()
    pool.fill(folder, count=count, dim=DIM)
    arranged = []
    for recall in (None, RECALL):
        print(f"a pool of {count:,}, {page.asked(recall)} …", flush=True)
        rebuilt, served = pool.measure(folder, dim=DIM, recall=recall, rounds=rounds)
        figures = live.measure(folder, pool=pool.POOL, fingerprint=pool.FINGERPRINT, dim=DIM, recall=recall)
        arranged.append(records.Arranged(rebuilt, served, figures))
    shutil.rmtree(folder)
    return records.PoolRecord(count, _circumstances(rounds), arranged)


def _circumstances(rounds: int) -> records.Circumstances:
    return records.Circumstances(DIM, RECALL, rounds, describe(), date.today())
