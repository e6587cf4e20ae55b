"""A server of its own process, as a user starts it, and how long it takes until it is ready."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

__all__ = ["Server", "running", "wait_until_ready"]


@dataclass(frozen=True)
class Server:
    """A server that is ready.

    Attributes:
        url: Where it listens.
        ready_seconds: From the start of its process until /readyz answered 200.
    """

    url: str
    ready_seconds: float


@contextlib.contextmanager
def running(data: Path) -> Iterator[Server]:
    """Serve a data directory on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "INVARIANTSELECT_DATA": str(data), "INVARIANTSELECT_PORT": str(port)}
    command = [sys.executable, "-m", "service.cli", "serve"]
    with (data / "server.log").open("wb") as log:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process, 120)
            yield Server(url, time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a server's first 200 of /readyz.

    Raises:
        RuntimeError: It ended, or wasn't ready within the seconds.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}; see server.log")
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the server was not ready within {seconds:g} seconds")
