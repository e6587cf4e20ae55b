"""`python -m benchmarks.fuzz`: feed each target for some time, print how often, keep what breaks one."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

from benchmarks.fuzz.mutations import mutated
from benchmarks.fuzz.targets import TARGETS, Target
from invariantselect.errors import InvariantSelectError

_SLOW_SECONDS = 5.0


def main() -> int:
    """Feed damaged and invented input to everything that reads what strangers send; fails on any error but ours."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="in all")
    parser.add_argument("--inputs", type=int, default=10**9, help="at most so many a target")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs")
    parser.add_argument("--keep", type=Path, default=Path("/tmp"), help="where an input goes that breaks a target")
    asked = parser.parse_args()
    share = 60 * asked.minutes / len(TARGETS)
    failed = False
    print("| target | inputs | refused | broken |\n|---|---|---|---|")
    for name, target in TARGETS.items():
        inputs, refused, broken = _fuzz(name, target, asked, time.monotonic() + share)
        failed |= broken > 0
        print(f"| {name} | {inputs} | {refused} | {broken} |", flush=True)
    return 1 if failed else 0


def _fuzz(name: str, target: Target, asked: argparse.Namespace, deadline: float) -> tuple[int, int, int]:
    chance = random.Random(f"{asked.seed} {name}")
    others = [sound for each in TARGETS.values() for sound in each.sound]
    inputs = refused = broken = 0
    while inputs < asked.inputs and time.monotonic() < deadline:
        data = mutated(chance.choice(target.sound), others, chance)
        inputs += 1
        begun = time.process_time()
        try:
            target.read(data)
        except InvariantSelectError:
            refused += 1
        except Exception:  # noqa: BLE001 -- this is what is looked for
            broken += 1
            _keep(name, data, traceback.format_exc(), asked.keep, broken)
        if time.process_time() - begun > _SLOW_SECONDS:
            broken += 1
            _keep(name, data, f"took {time.process_time() - begun:.1f} s", asked.keep, broken)
    return inputs, refused, broken


def _keep(name: str, data: bytes, why: str, folder: Path, number: int) -> None:
    path = folder / f"fuzz-{name.replace(' ', '-')}-{number}.bin"
    path.write_bytes(data)
    print(f"{name} is broken by {path}:\n{why}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
