"""`python -m benchmarks`: measure, print the table, write it into README.md and docs/benchmarks.md.

`python -m benchmarks quality` measures how well adapted encoders retrieve: see `benchmarks.quality`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import ingest, memory, report, rest


def main() -> None:
    """Run everything; `--quick` is a check that the commands work, and writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round, writes no file")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="invariantselect-bench-") as name:
        workplace = Path(name)
        for part in ("rest", "ingest", "memory"):
            (workplace / part).mkdir()
        print("REST select …", flush=True)
        rest_figures = rest.measure(
            workplace / "rest",
            pool_size=1000 if quick else 10_000,
            images=32 if quick else 128,
            rounds=1 if quick else 7,
        )
        print("ingest …", flush=True)
        ingest_figures = ingest.measure(workplace / "ingest", images=128 if quick else 512, rounds=1 if quick else 5)
        print("memory …", flush=True)
        memory_figures = memory.measure(workplace / "memory", demonstrations=2000 if quick else 100_000)
    text = report.table(rest_figures, ingest_figures, memory_figures)
    print(text)
    if not quick:
        report.write(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["quality"]:
        from benchmarks.quality.command import main as quality

        sys.exit(quality(sys.argv[2:]))
    main()
