"""The command line of `python -m benchmarks quality`."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import ablation, sizes
from benchmarks.quality.cell import Cell, Protocol
from benchmarks.quality.image_set import domains_of
from benchmarks.quality.options import STEPS, Options
from benchmarks.quality.page import parts_of, write_page
from benchmarks.quality.run_cell import command
from benchmarks.quality.schedule import run_cells
from benchmarks.report import ROOT

__all__ = ["main", "seconds_of"]

SETS = ("pacs", "ham10000", "digits")
_HERE = Path(__file__).parent
# Two on half of the cores each are done sooner than one after the other: much of a cell runs on one core anyway.
_AT_ONCE = min(2, os.cpu_count() or 1)


def main(words: Sequence[str]) -> int:
    """Run cells and write the page; the exit status is 1 where a cell failed."""
    given = _parser().parse_args(words)
    options = Options(
        data=str(given.data),
        results=str(given.results),
        cache=str(given.cache),
        steps=None if given.budget else given.steps,
        budget=given.budget,
        limit=given.limit,
        device=given.device,
        at_once=given.at_once,
    )
    failed = run_cells(
        _cells(given, options),
        options.results_folder,
        run=lambda cell: _run(cell, options),
        say=_say,
        again=given.again,
        at_once=given.at_once,
    )
    if given.limit is None:
        write_page(options.results_folder)
    else:
        _say("\n\n".join(parts_of(options.results_folder).values()))
    return 1 if failed else 0


def seconds_of(text: str) -> float:
    """`90s`, `6m`, `1.5h`, or seconds.

    Raises:
        argparse.ArgumentTypeError: It is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90s, 6m or 1h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _run(cell: Cell, options: Options) -> bool:
    threads = max(1, (os.cpu_count() or 1) // options.at_once)
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if options.at_once > 1 else {})
    return subprocess.run(command(cell, options), cwd=ROOT, env=environment, check=False).returncode == 0


def _cells(given: argparse.Namespace, options: Options) -> list[Cell]:
    """All seeds of a cell come after all cells of one seed: a run that is cut off leaves whole tables."""
    if given.sizes:
        return sizes.cells()
    if given.ablation:
        wanted = ablation.cells(given.seeds)
        return [
            cell for cell in wanted if cell.images in given.sets and cell.domain in (given.domains or [cell.domain])
        ]
    protocol: Protocol = "target_pool" if given.target_pool else "leave_one_domain_out"
    return [
        Cell(protocol, images, domain, seed)
        for seed in range(given.seeds)
        for images in given.sets
        for domain in domains_of(Path(options.data) / images)
        if not given.domains or domain in given.domains
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks quality", description=main.__doc__)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--target-pool", action="store_true", help="half of the target domain is labelled in the pool")
    kinds.add_argument("--ablation", action="store_true", help="one factor of fine-tuning changed at a time")
    kinds.add_argument("--sizes", action="store_true", help="seconds and memory by the size of the pool")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="SET")
    parser.add_argument("--domains", nargs="+", metavar="DOMAIN", help="only these")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, default=STEPS, help=f"of each fine-tuning ({STEPS})")
    length.add_argument("--budget", type=seconds_of, help="of one adaptation in place of steps: 90s, 6m, 1h")
    parser.add_argument("--limit", type=int, help="images a class and domain: a check, whose figures aren't kept")
    parser.add_argument("--again", action="store_true", help="run cells that are done, too")
    parser.add_argument(
        "--at-once", type=int, default=_AT_ONCE, metavar="N", help=f"cells beside each other ({_AT_ONCE} here)"
    )
    parser.add_argument("--device", default="cpu", help="where a trunk is trained: cpu or cuda:0")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the sets")
    parser.add_argument("--results", type=Path, default=_HERE / "results")
    parser.add_argument("--cache", type=Path, default=_HERE / "cache")
    return parser


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
