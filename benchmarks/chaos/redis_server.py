"""A Redis that is killed and comes back empty."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.chaos.processes import Mine, free_port, wait_until

__all__ = ["RedisServer"]


class RedisServer:
    """A redis-server that keeps nothing: killed, it has forgotten every message and every vector.

    Args:
        folder: Its working directory.
    """

    name = "redis"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Its address."""
        return {"INVARIANTSELECT_REDIS_URL": self._url}

    @staticmethod
    def installed() -> bool:
        """Whether this machine has one."""
        return shutil.which("redis-server") is not None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, mine: Mine | None = None) -> None:  # noqa: ARG002 -- it isn't ours, so there is no mine in it
        """Start it, if it doesn't run, and wait until it answers."""
        if self.alive:
            return
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        with Redis.from_url(self._url) as client:
            wait_until(lambda: _answers(client), "redis-server answers")

    def kill(self) -> None:
        """Kill it with -9, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
