"""Cells one after another: those that are done are skipped, one that fails doesn't stop the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.quality.cell import Cell

__all__ = ["run_cells"]


def run_cells(
    cells: Sequence[Cell],
    results: Path,
    *,
    run: Callable[[Cell], bool],
    say: Callable[[str], None],
    again: bool = False,
    at_once: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> list[Cell]:
    """Run what isn't done.

    Args:
        cells: In this order.
        results: Where a cell that is done has its file.
        run: Runs one cell, which writes its file; False where it failed.
        say: Told of each cell, and of the time left.
        again: Whether cells that are done are run again.
        at_once: How many run beside each other.
        clock: Seconds.

    Returns:
        Those that failed.
    """
    due = [cell for cell in cells if again or not cell.path(results).is_file()]
    say(f"{len(cells)} cells, {len(cells) - len(due)} of them done before")
    done: list[bool] = []
    began = clock()

    def ran(number: int, cell: Cell) -> bool:
        left = f", about {_minutes((clock() - began) / len(done) * (len(due) - len(done)))} left" if done else ""
        say(f"[{number + 1}/{len(due)}] {cell.protocol} {cell.name}{left}")
        well = run(cell)
        done.append(well)
        return well

    with ThreadPoolExecutor(at_once) as threads:
        succeeded = list(threads.map(ran, range(len(due)), due))
    failed = [cell for cell, well in zip(due, succeeded, strict=True) if not well]
    for cell in failed:
        say(f"{cell.protocol} {cell.name} failed")
    if due:
        say(f"{len(due) - len(failed)} cells in {_minutes(clock() - began)}, {len(failed)} failed")
    return failed


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
