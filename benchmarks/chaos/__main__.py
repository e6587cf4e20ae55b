"""`python -m benchmarks.chaos`: rounds of killing, and a table of what was seen."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.chaos.drive import Outcome, drive
from benchmarks.chaos.pictures import Pictures, Template
from benchmarks.chaos.processes import Nursery


def main() -> int:
    """Kill servers, workers and stores with -9 while they are used, and compare everything with what was acknowledged.

    Each round has a data directory of its own and a seed, SEED:NUMBER; --first NUMBER --rounds 1 does one of them
    again. The seed fixes what is done and who is killed, not when: do a round that failed more than once.
    """
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="invariantselect-chaos-") as name:
        workplace = Path(name)
        pictures = Pictures()
        template = Template(workplace / "template", pictures)
        nursery = Nursery(template.encoder)
        try:
            outcomes = list(_rounds(asked, workplace, nursery, template, pictures))
        finally:
            nursery.close()
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=1, default=str))
    print(_table(outcomes))
    return 1 if any(each.findings for each in outcomes) or not outcomes else 0


def _rounds(
    asked: argparse.Namespace, workplace: Path, nursery: Nursery, template: Template, pictures: Pictures
) -> Iterator[Outcome]:
    deadline = time.monotonic() + 60 * asked.minutes
    for number in range(asked.first, asked.first + asked.rounds):
        if time.monotonic() > deadline:
            return
        seed = f"{asked.seed}:{number}"
        folder = workplace / str(number)
        outcome = drive(seed, asked.kills, folder, nursery=nursery, template=template, pictures=pictures)
        told = "held" if not outcome.findings else "FAILED"
        print(f"round {seed}: {told} after {outcome.seconds} s", file=sys.stderr, flush=True)
        if outcome.findings:
            outcome.data = asked.keep / f"round-{seed.replace(':', '-')}-{int(time.time())}"
            shutil.copytree(folder, outcome.data, ignore_dangling_symlinks=True)
            for finding in outcome.findings:
                print(f"  {finding}", file=sys.stderr, flush=True)
            print(f"  its data: {outcome.data}", file=sys.stderr, flush=True)
        shutil.rmtree(folder)
        yield outcome


def _table(outcomes: list[Outcome]) -> str:
    total: Counter[str] = Counter()
    for each in outcomes:
        total.update(each.counts)
    rows = [("rounds", len(outcomes)), ("rounds that held", sum(not each.findings for each in outcomes))]
    rows += sorted(total.items())
    rows += [("seconds", round(sum(each.seconds for each in outcomes)))]
    lines = ["| what | how often |", "|---|---|", *(f"| {name} | {count} |" for name, count in rows)]
    lines += [f"\nFAILED {each.seed}: {finding}" for each in outcomes for finding in each.findings]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0, help="of all rounds")
    parser.add_argument("--kills", type=int, default=10, help="in a round, beside those by mines")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no round after so many")
    parser.add_argument("--keep", type=Path, default=Path("/tmp"), help="where a failing round leaves its data")
    parser.add_argument("--json", type=Path, default=None, help="write what was seen to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
