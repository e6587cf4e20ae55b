"""A process that writes, seals, fills and switches until it is killed: by itself at a call, or from outside.

Reads one JSON order a line: ``{"seed": 1, "at": "before replace", "nth": 3}`` or ``{"seed": 1, "after_ms": 40}``. With
``"plan"`` these operations are done rather than some that the seed chooses; ``"data"`` names another data directory.
Each order runs in a child of its own, forked before anything has started a thread, so that many deaths cost one start
of Python. The child says ``begin`` with what it is about to do, and ``done`` when the pool has acknowledged it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.engine.default import DefaultDialect

from index import filling, publishing, sealing, switching
from index.flat_file import FlatFile
from index.pool import Pool
from index.pools import Pools
from index.proposers import choosing, measuring
from index.recoding import RowsToEncode
from tests.dying import die_at
from tests.index.clock import Clock
from tests.index.entries import entry, recode_for

IDS = [f"id/{number}" for number in range(14)]
IMAGES = [f"image {number}" for number in range(9)]
LABELS = ["cat", "dog", "emu"]
DOMAINS = [None, "x", "y"]
VERSIONS = [2, 3]
SEAL_AT = 20

CALLS: dict[str, tuple[Any, str]] = {
    "segment": (FlatFile, "close"),
    "manifest": (sealing, "write_manifest"),
    "cleanup": (sealing, "forget"),
    "fsync": (os, "fsync"),  # images, segments, manifest, folders
    "replace": (os, "replace"),  # images and the manifest
    "commit": (DefaultDialect, "do_commit"),  # writes, and the cleanup after a seal
    "unlink": (Path, "unlink"),  # images that nothing uses, segments that were merged
    "part": (filling, "write_manifest"),
    "takeover": (switching, "write_manifest"),
    "serve": (switching, "make_serving"),
    "publish": (publishing, "write_manifest"),
    "move": (Path, "rename"),  # what a rebuild made
}


def say(**words: object) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def operation(chance: random.Random) -> list[Any]:
    kind = chance.choices(["write", "patch", "delete", "seal", "fill", "switch", "remake"], [6, 1, 2, 2, 1, 4, 2])[0]
    if kind in ("write", "remake"):
        batch = chance.sample(IDS, chance.randint(1, 6))
        return [kind, [[id, chance.choice(IMAGES), chance.choice(LABELS), chance.choice(DOMAINS)] for id in batch]]
    if kind == "patch":
        return [kind, {id: [chance.choice(LABELS), chance.choice(DOMAINS)] for id in chance.sample(IDS, 2)}]
    if kind == "delete":
        return [kind, chance.sample(IDS, chance.randint(1, 4))]
    if kind == "fill":
        return [kind, chance.choice(VERSIONS)]
    if kind == "switch":
        return [kind, chance.choice([1, *VERSIONS])]
    return [kind]


def write(pool: Pool, batch: list[list[Any]]) -> None:
    pool.write([entry(id, image.encode(), label=label, domain=domain) for id, image, label, domain in batch])


def remake(pool: Pool, batch: list[list[Any]]) -> None:
    """Rebuild every live version; in the midst of the first that has something, the batch is written and sealed."""
    waiting = [batch]

    def recode(given: RowsToEncode) -> np.ndarray:
        while waiting:
            write(pool, waiting.pop())
            pool.seal()
        return recode_for(version)(given)

    for version in pool.live():
        pool.rebuild(recode, version.number)
    while waiting:
        write(pool, waiting.pop())


def do(pools: Pools, pool: Pool, what: list[Any]) -> None:
    numbered = {version.number: version for version in pool.versions()}
    match what:
        case ["write", batch]:
            write(pool, batch)
        case ["remake", batch]:
            remake(pool, batch)
        case ["patch", words]:
            changes = {id: {"label": label, "domain": domain} for id, (label, domain) in words.items()}
            pool.patch(changes, vectors_for=recode_for)
        case ["delete", ids]:
            pool.delete(ids)
        case ["fill", number]:
            pool.fill(number, recode_for(numbered[number]))
        case ["rebuild", recall]:
            pool.rebuild(None, recall=recall)
        case ["switch", number]:
            pool.switch(number, recode_for(numbered[number]))
        case ["discard", number]:
            pool.discard(number, for_good=True)
        case ["drop"]:
            pools.drop("pool")
        case _:
            pool.seal()


def run(data: Path, order: dict[str, Any]) -> None:
    filling._ROWS_AT_ONCE, filling._PART_ROWS = 2, 4  # a process of its own, so nobody else sees this
    choosing.SMALLEST = 100
    measuring.time = Clock(1, 1e-3)
    pools = Pools(data, seal_at=SEAL_AT)
    pool = pools.open("pool")
    pool.snapshots()
    if "at" in order:
        die_at(CALLS, order["at"], order["nth"])
    chance = random.Random(order.get("seed"))
    for what in order.get("plan") or (operation(chance) for _ in range(60)):
        say(begin=what)
        do(pools, pool, what)
        say(done=True)


def main() -> None:
    data = Path(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            run(Path(order.get("data", data)), order)
            os._exit(0)
        if "after_ms" in order:
            time.sleep(order["after_ms"] / 1000)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        say(died=os.WIFSIGNALED(status), code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None)


if __name__ == "__main__":
    main()
