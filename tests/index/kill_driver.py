"""A process that writes and seals until it is killed: by itself at the n-th call of something, or from outside.

Reads one JSON order a line: ``{"seed": 1, "at": "before replace", "nth": 3}`` or ``{"seed": 1, "after_ms": 40}``.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
from sqlalchemy.engine.default import DefaultDialect

from index import sealing
from index.pools import Pools
from tests.index.entries import entry

IDS = [f"id/{number}" for number in range(14)]
IMAGES = [f"image {number}" for number in range(9)]
LABELS = ["cat", "dog", "emu"]
SEAL_AT = 20

CALLS: dict[str, tuple[Any, str]] = {
    "segment": (faiss, "write_index"),
    "manifest": (sealing, "write_manifest"),
    "cleanup": (sealing, "forget"),
    "fsync": (os, "fsync"),  # images, segments, manifest, folders
    "replace": (os, "replace"),  # images and the manifest
    "commit": (DefaultDialect, "do_commit"),  # writes, and the cleanup after a seal
    "unlink": (Path, "unlink"),  # images that nothing uses, segments that were merged
}


def say(**words: object) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def die_at(where: str, nth: int) -> None:
    moment, _, call = where.partition(" ")
    owner, name = CALLS[call]
    real: Callable[..., Any] = getattr(owner, name)
    count = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if moment == "before" and count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if moment == "after" and count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, counted)


def operation(chance: random.Random) -> list[Any]:
    kind = chance.choices(["write", "patch", "delete", "seal"], [6, 1, 2, 2])[0]
    if kind == "write":
        batch = chance.sample(IDS, chance.randint(1, 6))
        return [kind, [[id, chance.choice(IMAGES), chance.choice(LABELS)] for id in batch]]
    if kind == "patch":
        return [kind, {id: chance.choice(LABELS) for id in chance.sample(IDS, 2)}]
    if kind == "delete":
        return [kind, chance.sample(IDS, chance.randint(1, 4))]
    return [kind]


def run(data: Path, order: dict[str, Any]) -> None:
    pool = Pools(data, seal_at=SEAL_AT).open("pool")
    pool.snapshot()
    if "at" in order:
        die_at(order["at"], order["nth"])
    chance = random.Random(order["seed"])
    for _ in range(60):
        what = operation(chance)
        say(begin=what)
        match what:
            case ["write", batch]:
                pool.write([entry(id, image.encode(), label=label) for id, image, label in batch])
            case ["patch", labels]:
                pool.patch({id: {"label": label} for id, label in labels.items()})
            case ["delete", ids]:
                pool.delete(ids)
            case _:
                pool.seal()
        say(done=True)


def main() -> None:
    data = Path(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            run(data, order)
            os._exit(0)
        if "after_ms" in order:
            time.sleep(order["after_ms"] / 1000)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        say(died=os.WIFSIGNALED(status), code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None)


if __name__ == "__main__":
    main()
