"""A server of its own process, as a user starts it, and how long it takes until it is ready."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

__all__ = ["Server", "free_port", "running", "started"]

_PATIENCE_S = 600.0


@dataclass(frozen=True)
class Server:
    """A server that is ready.

    Attributes:
        url: Where it listens.
        ready_seconds: From the start of its process until it answered 200 to the question whether it is ready.
        pid: Of its process.
    """

    url: str
    ready_seconds: float
    pid: int


@contextlib.contextmanager
def running(data: Path, **settings: object) -> Iterator[Server]:
    """``invariantselect serve`` on a free port; its log is ``server.log`` in the data directory.

    Args:
        data: The data directory.
        settings: Further ones.
    """
    told = {f"INVARIANTSELECT_{name.upper()}": str(value) for name, value in settings.items()}
    port = free_port()
    environment = {**os.environ, **told, "INVARIANTSELECT_DATA": str(data), "INVARIANTSELECT_PORT": str(port)}
    command = [sys.executable, "-m", "service.cli", "serve"]
    with started(command, environment, port=port, log=data / "server.log") as server:
        yield server


@contextlib.contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], *, port: int, log: Path, ready: str = "/readyz"
) -> Iterator[Server]:
    """Any server in a process of its own, from its first 200 of the path `ready` on.

    Raises:
        RuntimeError: It ended, or wasn't ready within ten minutes.
    """
    with log.open("wb") as lines:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=lines, stderr=lines)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(f"{url}{ready}", process, log)
            yield Server(url, time.perf_counter() - begin, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=60)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the server ended with {process.returncode}:\n{said}")
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(address).status_code == 200:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the server was not ready within {_PATIENCE_S:g} seconds")
