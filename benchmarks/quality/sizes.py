"""What each depth costs at several sizes of a pool: seconds, and memory at its peak, in a process of its own."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.quality.cell import Cell
from benchmarks.quality.facts import facts
from benchmarks.quality.image_set import read_set
from benchmarks.quality.loop import loop_figures
from benchmarks.quality.options import Options
from benchmarks.quality.phases import Phases
from benchmarks.quality.record import Record
from benchmarks.quality.synthetic import synthetic_examples
from encoders.adaptation.adapt import adapt
from encoders.adaptation.examples import Examples
from encoders.adaptation.plan import Plan
from encoders.calibration.discriminant import fit_closed_form

__all__ = ["COUNTS", "cells", "measure"]

COUNTS = (2000, 10_000, 100_000)
_REAL = 2000


def cells() -> list[Cell]:
    """The small ones first; fine-tuning takes real images."""
    made_up = [
        Cell("sizes", "", "", 0, f"{what}_{count}") for count in COUNTS for what in ("fit", "closed_form", "head")
    ]
    return [*made_up, Cell("sizes", "pacs", "", 0, f"finetune_{_REAL}")]


def measure(cell: Cell, options: Options, say: Callable[[str], None]) -> Record:
    """Run one; see `benchmarks.quality.adapting.measure`. The figures stand under ``cost``."""
    what, _, size = cell.variant.rpartition("_")
    count = min(int(size), options.limit or int(size))
    phases = Phases(say)
    examples = _real_examples(Path(options.data) / cell.images, count) if cell.images else synthetic_examples(count)
    before = psutil.Process().memory_info().rss
    began = time.monotonic()
    cost: dict[str, float] = {}
    match what:
        case "fit":
            fit_closed_form(examples.vectors, examples.labels, examples.domains, examples.known_domains)
        case "closed_form":
            adapt(examples, Plan(depth="closed_form"), watch=phases.watch)
        case "head":
            adapt(examples, Plan(depth="head"), watch=phases.watch)
        case _:
            cost |= loop_figures(examples, phases)
    cost |= {"images": len(examples), "seconds": time.monotonic() - began, **_memory(before)}
    known: Mapping[str, Any] = {**facts(), "options": asdict(options), "phases": phases.to_json(), "cost": cost}
    nothing = np.zeros(0, dtype=np.int64)
    return Record(cell, (), nothing, {}, known)


def _memory(before: int) -> dict[str, float]:
    """Megabytes: before the depth began, vectors and libraries in it, and the process's highest."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    # The kernel notes a peak when memory is given back: one that still lasts may not stand there yet.
    return {"before_mb": before / 1e6, "peak_mb": max(highest, before, psutil.Process().memory_info().rss) / 1e6}


def _real_examples(folder: Path, count: int) -> Examples:
    images = read_set(folder)
    chosen = np.sort(np.random.default_rng(0).permutation(len(images))[:count]).tolist()
    return Examples(
        np.zeros((len(chosen), 1), dtype=np.float32),  # a trunk that is trained makes its own
        [images.labels[place] for place in chosen],
        [images.domains[place] for place in chosen],
        [images.groups[place] for place in chosen],
        lambda place: images.image(chosen[place]),
    )
