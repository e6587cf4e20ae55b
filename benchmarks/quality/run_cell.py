"""The process of one cell: `python -m benchmarks.quality.run_cell CELL OPTIONS`, both as JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.quality.cell import Cell
from benchmarks.quality.options import Options
from benchmarks.quality.record import Record, write_record

__all__ = ["command", "main"]


def command(cell: Cell, options: Options) -> list[str]:
    """What runs a cell."""
    return [sys.executable, "-m", "benchmarks.quality.run_cell", json.dumps(asdict(cell)), options.to_json()]


def main() -> None:
    """Measure one cell and keep the result."""
    cell, options = Cell(**json.loads(sys.argv[1])), Options.from_json(sys.argv[2])
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"  {time.monotonic() - began:5.0f} s  {line}", flush=True)

    # Imported late: each kind of cell has its own.
    kind = cell.protocol if cell.protocol in ("ablation", "sizes") else "adapting"
    record: Record = importlib.import_module(f"benchmarks.quality.{kind}").measure(cell, options, say)
    # No folder of this machine belongs in a record that is published.
    kept = dict(record.facts["options"])
    for folder in ("data", "results", "cache"):
        kept.pop(folder)
    seconds = round(time.monotonic() - began, 1)
    write_record(replace(record, facts={**record.facts, "options": kept, "seconds": seconds}), _folder(options))


def _folder(options: Options) -> Path:
    return options.results_folder


if __name__ == "__main__":
    main()
