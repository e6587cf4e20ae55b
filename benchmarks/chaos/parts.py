"""What is killed and started again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from benchmarks.chaos.nursery import Mine, Nursery
from benchmarks.chaos.under_way import UnderWay

__all__ = ["Child", "Part", "wait_until"]

PATIENCE = 300.0


class Part(Protocol):
    """Something that can be killed at any time."""

    name: str

    @property
    def settings(self) -> Mapping[str, str]:
        """What servers and workers are told of it, as environment variables."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        ...

    def start(self, mine: Mine | None = None) -> None:
        """Start it, if it doesn't run."""
        ...

    def strike(self, chance: random.Random) -> str:
        """Kill it, or some of it, with -9; what was killed."""
        ...

    def kill(self) -> None:
        """Kill all of it with -9, if it runs."""
        ...


class Child:
    """A server or a worker.

    Args:
        nursery: Starts it.
        name: ``api`` or ``worker``.
        environment: Its settings.
        log: What it writes; each time that it is started into another file beside it.

    Attributes:
        logs: These files.
        exit_code: Of the last time it ended without being killed from here; -9 for a mine.
    """

    def __init__(self, nursery: Nursery, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._nursery = nursery
        self._environment = dict(environment)
        self._log = log
        self.logs: list[Path] = []
        self.exit_code: int | None = None
        self._pid: int | None = None
        self._started = 0
        self._under_way = UnderWay(log.with_suffix(".under-way"))

    @property
    def settings(self) -> Mapping[str, str]:
        """Nobody has to be told of it."""
        return {}

    @property
    def alive(self) -> bool:
        """Whether it runs; it may have died by itself."""
        if self._pid is not None:
            status = self._nursery.look(self._pid)
            if status is not None:
                self._pid, self.exit_code = None, os.waitstatus_to_exitcode(status)
        return self._pid is not None

    def under_way(self) -> list[str]:
        """What it is doing, or was when it died."""
        return self._under_way.now()

    def said(self) -> str:
        """What it has written since it was started."""
        return self.logs[-1].read_text(errors="replace")

    def start(self, mine: Mine | None = None) -> None:
        """Start it, if it doesn't run; with a mine it dies at a call of its own."""
        if self.alive:
            return
        self._started += 1
        self.logs.append(self._log.with_suffix(f".{self._started}.log"))
        self._under_way.clear()
        self._pid = self._nursery.start(self.name, self._environment, self.logs[-1], self._under_way.file, mine)

    def strike(self, chance: random.Random) -> str:  # noqa: ARG002 -- there is one way
        """Kill it with -9."""
        self.kill()
        return self.name

    def kill(self) -> None:
        """Kill it with -9, if it runs."""
        if self._pid is not None:
            self._nursery.end(self._pid, signal.SIGKILL)
            self._pid = None


def wait_until(condition: Callable[[], object], what: str, *, patience: float = PATIENCE, pause: float = 0.02) -> None:
    """Look again and again.

    Raises:
        TimeoutError: It didn't happen.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it never happened that {what}")
        time.sleep(pause)
