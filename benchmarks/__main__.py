"""`python -m benchmarks`: measure, print the tables, write them into README.md and docs/benchmarks.md.

`--only search` measures search by vectors alone, up to a million of them, some hours. Each size and part is kept once
it is measured: `--sizes 1000000 --parts ways` measures one anew, and the page has it beside the others as they were.

`python -m benchmarks quality` measures how well adapted encoders retrieve: see `benchmarks.quality`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import ingest, memory, report, rest
from benchmarks.search import command as search
from benchmarks.search import page, records


def main() -> None:
    """Run everything; `--quick` is a check that the commands work, and writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round, writes no file")
    parser.add_argument("--only", choices=["service", "search"], help="the service, or search by vectors; both without")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", help="how many vectors are searched")
    parser.add_argument(
        "--parts", choices=search.PARTS, nargs="+", default=search.PARTS, help="of search; both without"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="invariantselect-bench-") as name:
        workplace = Path(name)
        if given.only != "search":
            text = _service(workplace, quick=given.quick)
            print(text)
            if not given.quick:
                report.write(text)
        if given.only != "service":
            sizes = given.sizes or ([2000, 20_000] if given.quick else search.SIZES)
            tables = search.run(
                workplace,
                sizes=sizes,
                parts=given.parts,
                rounds=1 if given.quick else 5,
                results=workplace / "results" if given.quick else records.RESULTS,
            )
            print(*tables.values(), sep="\n\n")
            if not given.quick:
                page.write(tables)


def _service(workplace: Path, *, quick: bool) -> str:
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
    return report.table(rest_figures, ingest_figures, memory_figures)


if __name__ == "__main__":
    if sys.argv[1:2] == ["quality"]:
        from benchmarks.quality.command import main as quality

        sys.exit(quality(sys.argv[2:]))
    main()
