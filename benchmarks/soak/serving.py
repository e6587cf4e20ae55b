"""A real server as its own process, for measurements."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import wait_until_ready

__all__ = ["Server", "serving"]

_PATIENCE_S = 600


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: Its address.
        pid: Of its process.
    """

    url: str
    pid: int


@contextlib.contextmanager
def serving(data: Path, **settings: object) -> Iterator[Server]:
    """``invariantselect serve`` on a free port, ready; its log is ``server.log`` in the data directory.

    Args:
        data: The data directory.
        settings: Further ones.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {f"INVARIANTSELECT_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, "INVARIANTSELECT_DATA": str(data), "INVARIANTSELECT_PORT": str(port), **given}
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"], env=environment, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, server, _PATIENCE_S)
            yield Server(url, server.pid)
        finally:
            server.terminate()
            server.wait(timeout=60)
