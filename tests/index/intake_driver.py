"""A process that takes a folder into a pool again and again, and is killed on the way.

Reads one JSON order a line: ``{"at": "before write", "nth": 2}``, ``{"after_ms": 40}`` or ``{}`` to be left alone.
Each order runs in a child of its own, forked before anything has started a thread, so that many deaths cost one start
of Python. The child appends the digest of each picture it prepares to a journal, whatever happens to it next.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from index import intake
from index.pool import Pool
from index.pools import Pools
from index.sources import open_source
from tests.dying import die_at
from tests.fakes.pixel_encoder import PixelEncoder

BATCH = 8
SEAL_AT = 40


class JournallingEncoder(PixelEncoder):
    """Writes down which pictures it was asked for, and takes its time over a batch."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def preprocess(self, image):
        pixels = super().preprocess(image)
        os.write(self._journal, digest(pixels).encode() + b"\n")
        return pixels

    def forward(self, batch):
        time.sleep(0.005)
        return super().forward(batch)


CALLS: dict[str, tuple[Any, str]] = {
    "preprocess": (JournallingEncoder, "preprocess"),
    "forward": (JournallingEncoder, "forward"),
    "write": (Pool, "write"),
}


def digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def run(data: Path, folder: Path, journal: Path, order: dict[str, Any]) -> None:
    if "at" in order:
        die_at(CALLS, order["at"], order["nth"])
    pool = Pools(data, seal_at=SEAL_AT).open("pool")
    report = intake.take_in(pool, [JournallingEncoder(journal)], open_source(folder), batch=BATCH)
    os.write(1, json.dumps({"created": report.created, "failed": len(report.failed)}).encode() + b"\n")


def main() -> None:
    data, folder, journal = (Path(argument) for argument in sys.argv[1:])
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            run(data, folder, journal, order)
            os._exit(0)
        if "after_ms" in order:
            time.sleep(order["after_ms"] / 1000)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        os.write(1, json.dumps({"died": os.WIFSIGNALED(status), "code": code}).encode() + b"\n")


if __name__ == "__main__":
    main()
