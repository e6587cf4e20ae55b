"""A data directory, the processes around it, and who of them is killed when."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.processes import Child, Mine, Nursery, Part, free_port, wait_until
from benchmarks.chaos.redis_server import RedisServer
from invariantselect import Client
from invariantselect.errors import InvariantSelectError
from tests.index.kill_driver import CALLS

__all__ = ["Place"]

_FATES = {"api": 4, "worker": 4, "redis": 1, "postgres": 2}
_STALE_SECONDS = 4.0
_LONGEST_QUIET = 6.0
_SERVED = ["commit", "commit", "fsync", "replace", "serve", "takeover", "unlink"]
"""Calls of `tests.index.kill_driver.CALLS` that a server gets to without a worker."""


class Place:
    """A data directory and the processes around it.

    Args:
        seed: Of who is killed when.
        folder: Where everything is.
        nursery: Starts servers and workers.
        encoder: What is served.
    """

    def __init__(self, seed: str, folder: Path, nursery: Nursery, encoder: Path) -> None:
        self.data = folder / "data"
        self.imports = folder / "imports"
        self.chance = random.Random(f"{seed} fate")
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        environment = self._environment(port, encoder)
        self.parts: list[Part] = [RedisServer(folder)] if RedisServer.installed() else []
        for store in self.parts:
            environment |= store.settings
        self.children = [Child(nursery, name, environment, folder / f"{name}.log") for name in ("api", "worker")]
        self.parts += self.children

    def start_all(self) -> None:
        """Start what doesn't run, with no mine in it, and wait until the server is ready."""
        for part in self.parts:
            part.start()
        with Client(self.address, max_retries=0) as client:
            wait_until(lambda: _ready(client), "the server is ready")

    def wait_for_some_answers(self, ledger: Ledger) -> None:
        """Until people got so many answers, or some seconds have passed: a slow machine has rounds as full as any."""
        wanted = ledger.answers() + self.chance.choice([0, 0, 1, 3, 10, 30, 60])
        deadline = time.monotonic() + self.chance.uniform(0.1, _LONGEST_QUIET)
        while ledger.answers() < wanted and time.monotonic() < deadline:
            self.revive(ledger)
            time.sleep(0.01)
        time.sleep(0.1 * self.chance.random())

    def revive(self, ledger: Ledger) -> None:
        """Start what is dead, half of it with a mine."""
        for each in self.parts:
            if not each.alive:
                self._note_end(each, ledger)
                each.start(self._mine(each.name) if self.chance.random() < 0.5 else None)

    def kill_one(self, ledger: Ledger) -> None:
        """Kill one of them with -9 and, a moment later, start what is dead."""
        part = self.chance.choices(self.parts, [_FATES[each.name] for each in self.parts])[0]
        if part.alive:
            part.kill()
            ledger.count(f"killed {part.name}")
        time.sleep(self.chance.choice([0.0, 0.1, 0.4]) * self.chance.random())
        self.revive(ledger)

    def _note_end(self, part: Part, ledger: Ledger) -> None:
        if isinstance(part, Child) and part.exit_code is not None:
            if part.exit_code == -signal.SIGKILL:
                ledger.count(f"mines gone off in {part.name}")
            else:
                ledger.finding(f"the {part.name} ended by itself with {part.exit_code}")
            part.exit_code = None

    def kill_all(self) -> None:
        """The end, as sudden as everything else."""
        for part in reversed(self.parts):
            part.kill()

    def restart_all(self) -> None:
        """No process with a mine is left."""
        self.kill_all()
        self.start_all()

    def _mine(self, name: str) -> Mine:
        calls = sorted(CALLS) if name == "worker" else _SERVED
        where = f"{self.chance.choice(['before', 'after'])} {self.chance.choice(calls)}"
        return where, self.chance.choice([1, 2, 3, 4, 6, 8, 12, 20])

    def _environment(self, port: int, encoder: Path) -> dict[str, str]:
        chosen = {
            "data": self.data,
            "port": port,
            "encoder": encoder.resolve(),
            "device": "cpu",
            "workers": 2,
            "embedded_worker": "false",
            "job_stale_seconds": _STALE_SECONDS,
            "import_root": self.imports,
        }
        return {f"INVARIANTSELECT_{name.upper()}": str(value) for name, value in chosen.items()}


def _ready(client: Client) -> bool:
    try:
        return client.ready()
    except InvariantSelectError:
        return False
