"""A process that saves adapted encoders and kills itself at the n-th call of something on the way.

Called with a store; each line of its input is an order ``{"number": 2, "at": "before fsync", "nth": 1}``, which a child
of its own carries out, so that many deaths cost one start of torch.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import safetensors.numpy
import safetensors.torch
import torch

from encoders.store import save_adapted
from encoders.trained_tower import trained_tower
from tests.dying import die_at
from tests.encoders.adapted import KEY, calibration_of, lineage_of, tiny_tower

CALLS: dict[str, tuple[Any, str]] = {
    "mkdir": (Path, "mkdir"),
    "weights": (safetensors.torch, "save_file"),
    "calibration": (safetensors.numpy, "save_file"),
    "write": (Path, "write_text"),
    "fsync": (os, "fsync"),
    "replace": (Path, "replace"),
}


def save(store: Path, number: int) -> None:
    tower = tiny_tower(number)
    save_adapted(
        store / KEY / str(number),
        name=f"{KEY}/{number}",
        version=str(number),
        trunk=trained_tower(tower, tower.build()),
        calibration=calibration_of(number),
        lineage=lineage_of(),
    )


def main() -> None:
    torch.set_num_threads(1)  # no thread may be running when it forks
    tiny_tower()  # imports open_clip, once for all children
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            if "at" in order:
                die_at(CALLS, order["at"], order["nth"])
            save(Path(sys.argv[1]), order["number"])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(1, json.dumps({"died": os.WIFSIGNALED(status), "code": status}).encode() + b"\n")


if __name__ == "__main__":
    main()
