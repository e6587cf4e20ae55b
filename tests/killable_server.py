"""A server in a process of its own, on a free port of loopback, which can be killed, frozen and started again."""

from __future__ import annotations

import signal
import socket
import subprocess

__all__ = ["PATIENCE", "KillableServer"]

PATIENCE = 60


class KillableServer:
    """What servers of tests have in common; `start` is theirs.

    Attributes:
        port: Where it listens, each time.
    """

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """With -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def stop_answering(self) -> None:
        """It takes connections, and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def answer_again(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
