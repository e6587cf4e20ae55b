"""`python -m benchmarks.chaos`: rounds of killing, and what was seen as tables."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.chaos.drive import Outcome, drive
from benchmarks.chaos.page import Run, read, tables, write
from benchmarks.chaos.pictures import Pictures
from benchmarks.chaos.surroundings import SURROUNDINGS, Grounds, missing

__all__ = ["main"]


def main() -> int:
    """Kill servers, workers, Redis and PostgreSQL with -9 while they are used, and compare all with what was
    acknowledged.

    Each round has a data directory of its own and a seed, SURROUNDINGS:SEED:NUMBER; --only SURROUNDINGS --seed SEED
    --first NUMBER --rounds 1 does one of them again. The seed fixes what is done and who is killed, not when: do a
    round that failed more than once.
    """
    asked = _arguments()
    if asked.page:
        write([read(path) for path in asked.page])
        return 0
    around = [name for name in asked.only or SURROUNDINGS if not missing(name)]
    if not around:
        sys.exit("This machine has no Redis or no PostgreSQL.")
    run = Run.begun(asked.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing goes on running
    with tempfile.TemporaryDirectory(prefix="invariantselect-chaos-", ignore_cleanup_errors=True) as name:
        pictures = Pictures()
        with Grounds(Path(name), pictures, around) as grounds:
            for outcome in _rounds(asked, grounds, pictures, around):
                run.outcomes.append(outcome)
                if asked.json is not None:
                    asked.json.write_text(json.dumps(asdict(run), indent=1, default=str))
    print(tables([run]))
    return 1 if any(each.findings for each in run.outcomes) or not run.outcomes else 0


def _rounds(asked: argparse.Namespace, grounds: Grounds, pictures: Pictures, around: list[str]) -> Iterator[Outcome]:
    deadline = time.monotonic() + 60 * asked.minutes
    for number in range(asked.first, asked.first + asked.rounds):
        if time.monotonic() > deadline:
            return
        name = around[number % len(around)]
        seed = f"{name}:{asked.seed}:{number}"
        folder = grounds.folder / f"{name}-{number}"
        outcome = drive(seed, asked.kills, folder, around=name, grounds=grounds, pictures=pictures)
        told = "held" if not outcome.findings else "FAILED"
        print(f"round {seed}: {told} after {outcome.seconds} s", file=sys.stderr, flush=True)
        if outcome.findings:
            outcome.data = asked.keep / f"round-{seed.replace(':', '-')}-{int(time.time())}"
            shutil.copytree(folder, outcome.data, ignore_dangling_symlinks=True)
            for finding in outcome.findings:
                print(f"  {finding}", file=sys.stderr, flush=True)
            print(f"  its data: {outcome.data}", file=sys.stderr, flush=True)
        grounds.forget(name, folder, kept=outcome.data)
        shutil.rmtree(folder)
        yield outcome


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0, help="of all rounds")
    parser.add_argument("--only", nargs="+", choices=SURROUNDINGS, help="in which surroundings; all in turn by default")
    parser.add_argument("--kills", type=int, default=6, help="in a round, beside those by mines")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no round after so many")
    parser.add_argument("--keep", type=Path, default=Path("/tmp"), help="where a failing round leaves its data")
    parser.add_argument("--json", type=Path, default=None, help="write what was seen to this file")
    parser.add_argument("--page", type=Path, nargs="+", help="drive nothing; put these files into the docs")
    return parser.parse_args()
