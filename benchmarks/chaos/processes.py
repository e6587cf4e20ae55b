"""What is killed and started again: a server, a worker, and the stores beside them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Child", "Mine", "Nursery", "Part", "free_port", "wait_until"]

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0

Mine = tuple[str, int]
"""``before`` or ``after`` a call that matters, and at which of its calls the process kills itself."""


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

    def kill(self) -> None:
        """Kill it with -9, if it runs."""
        ...


class Nursery:
    """The process of `benchmarks.chaos.nursery`. Thread-safe.

    Args:
        encoder: What is served.
    """

    def __init__(self, encoder: Path) -> None:
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos.nursery", str(encoder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        )
        self._lock = threading.Lock()
        self._ready = False

    def order(self, **words: object) -> dict[str, Any]:
        """Give an order; the answer."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            if not self._ready:
                self._process.stdout.readline()
                self._ready = True
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
            return answer

    def close(self) -> None:
        """Kill what it started, and end it."""
        with self._lock:
            self._process.communicate(timeout=PATIENCE)


class Child:
    """A server or a worker.

    Args:
        nursery: Starts it.
        name: ``api`` or ``worker``.
        environment: Its settings.
        log: What it writes.

    Attributes:
        log: The same.
        exit_code: Of the last time it ended without being killed from here; -9 for a mine.
    """

    def __init__(self, nursery: Nursery, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._nursery = nursery
        self._environment = dict(environment)
        self.log = log
        self.exit_code: int | None = None
        self._pid: int | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Nobody has to be told of it."""
        return {}

    @property
    def alive(self) -> bool:
        """Whether it runs; it may have died by itself."""
        if self._pid is not None:
            status = self._nursery.order(do="look", pid=self._pid)["status"]
            if status is not None:
                self._pid, self.exit_code = None, os.waitstatus_to_exitcode(status)
        return self._pid is not None

    def start(self, mine: Mine | None = None) -> None:
        """Start it, if it doesn't run; with a mine it dies at a call of its own."""
        if self.alive:
            return
        order = {"what": self.name, "environment": self._environment, "log": str(self.log), "mine": mine}
        self._pid = int(self._nursery.order(do="start", **order)["pid"])

    def kill(self) -> None:
        """Kill it with -9, if it runs."""
        if self._pid is not None:
            self._nursery.order(do="end", pid=self._pid, signal=int(signal.SIGKILL))
            self._pid = None


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], what: str, *, patience: float = PATIENCE) -> None:
    """Look again and again.

    Raises:
        TimeoutError: It didn't happen.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it never happened that {what}")
        time.sleep(0.02)
