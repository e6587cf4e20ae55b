"""A data directory and the processes around it."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.nursery import Mine
from benchmarks.chaos.parts import Child, Part, wait_until
from benchmarks.chaos.stores import PostgresServer
from benchmarks.chaos.surroundings import SURROUNDINGS, Grounds
from benchmarks.server import free_port
from invariantselect import Client
from invariantselect.errors import InvariantSelectError
from tests.index.kill_driver import CALLS

__all__ = ["Place"]

_STALE_SECONDS = 3.0
_REST_SECONDS = 0.5
_SERVED = ["commit", "commit", "fsync", "replace", "serve", "takeover", "unlink"]
"""Calls of `tests.index.kill_driver.CALLS` that a server gets to without a worker."""
_NO_CATALOG = ("the database can't be reached", "the catalog doesn't answer")
"""What a server or a worker says that ends because PostgreSQL is away as it starts."""
_COULD_NOT_START = (1, 3)
"""What a command and uvicorn end with then."""


class Place:
    """A data directory and the processes around it.

    Args:
        seed: Of who has a mine.
        folder: Where everything is.
        around: The surroundings.
        grounds: What rounds have in common.

    Attributes:
        data: The data directory.
        imports: What may be imported lies below.
        addresses: Of the servers.
        stores: Redis and PostgreSQL, as far as there are any.
        children: Servers and workers.
        parts: All of them, what others need first.
    """

    def __init__(self, seed: str, folder: Path, around: str, grounds: Grounds) -> None:
        self.data = folder / "data"
        self.imports = folder / "imports"
        self._chance = random.Random(f"{seed} mines")
        self.stores = grounds.stores(around, folder)
        crew = SURROUNDINGS[around]
        ports = [free_port() for _ in range(crew.servers)]
        self.addresses = [f"http://127.0.0.1:{port}" for port in ports]
        environment = self._environment(grounds.encoder)
        for store in self.stores:
            environment |= store.settings
        servers = [
            Child(grounds.nursery, "api", {**environment, "INVARIANTSELECT_PORT": str(port)}, folder / f"api-{number}")
            for number, port in enumerate(ports)
        ]
        workers = [
            Child(grounds.nursery, "worker", environment, folder / f"worker-{number}") for number in range(crew.workers)
        ]
        self.children = [*servers, *workers]
        self._not_before: dict[Part, float] = {}
        self.parts: Sequence[Part] = [*self.stores, *self.children]

    @property
    def database_url(self) -> str | None:
        """Of the catalog, where it is in PostgreSQL."""
        return next((store.url for store in self.stores if isinstance(store, PostgresServer)), None)

    def start_all(self) -> None:
        """Start what doesn't run, with no mine in it, and wait until the servers are ready."""
        for part in self.parts:
            part.start()
        for address in self.addresses:
            with Client(address, max_retries=0) as client:
                wait_until(lambda client=client: _ready(client), "the server is ready")  # type: ignore[misc]

    def start_stores(self) -> None:
        """Start what doesn't run of Redis and PostgreSQL."""
        for store in self.stores:
            store.start()

    def revive(self, ledger: Ledger) -> None:
        """Start what is dead, half of it with a mine."""
        for each in self.parts:
            if not each.alive and time.monotonic() >= self._not_before.get(each, 0.0):
                if self._note_end(each, ledger):
                    self._not_before[each] = time.monotonic() + _REST_SECONDS
                else:
                    each.start(self._mine(each.name) if self._chance.random() < 0.5 else None)

    def kill_all(self) -> None:
        """The end, as sudden as everything else."""
        for part in reversed(self.parts):
            part.kill()

    def restart_all(self) -> None:
        """No process with a mine is left."""
        self.kill_all()
        self.start_all()

    def _note_end(self, part: Part, ledger: Ledger) -> bool:
        """Write down how it ended; whether it couldn't start and is to rest first, as who restarts services lets it."""
        could_not_start = False
        if isinstance(part, Child) and part.exit_code is not None:
            if part.exit_code == -signal.SIGKILL:
                ledger.killed(f"{part.name} (mine)", part.under_way())
            elif self.database_url is not None and _could_not_start(part):
                ledger.count("starts without PostgreSQL")
                part.logs.pop()  # it may say so as loudly as it likes
                could_not_start = True
            else:
                ledger.finding(f"the {part.name} ended by itself with {part.exit_code}")
            part.exit_code = None
        return could_not_start

    def _mine(self, name: str) -> Mine:
        calls = sorted(CALLS) if name == "worker" else _SERVED
        where = f"{self._chance.choice(['before', 'after'])} {self._chance.choice(calls)}"
        return where, self._chance.choice([1, 2, 3, 4, 6, 8, 12, 20])

    def _environment(self, encoder: Path) -> dict[str, str]:
        chosen = {
            "data": self.data,
            "encoder": encoder.resolve(),
            "device": "cpu",
            "runtime": "torch",
            "workers": 2,
            "embedded_worker": "false",
            "job_stale_seconds": _STALE_SECONDS,
            "import_root": self.imports,
        }
        return {f"INVARIANTSELECT_{name.upper()}": str(value) for name, value in chosen.items()}


def _could_not_start(part: Child) -> bool:
    said = part.said()
    begun = "worker_begun" in said or "Application startup complete" in said
    return part.exit_code in _COULD_NOT_START and not begun and any(words in said for words in _NO_CATALOG)


def _ready(client: Client) -> bool:
    try:
        return client.ready()
    except InvariantSelectError:
        return False
