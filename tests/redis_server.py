"""A real Redis of the tests' own, which can be killed and started again."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.killable_server import PATIENCE, KillableServer

__all__ = ["RealRedis", "needs_redis"]

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


class RealRedis(KillableServer):
    """A redis-server on a port of its own. It keeps nothing: killed, it has forgotten all.

    Args:
        folder: Its working directory.

    Attributes:
        url: Its address.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        with Redis.from_url(self.url) as client:
            while not _answers(client):
                assert time.monotonic() < deadline, "redis-server did not start"
                time.sleep(0.01)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
