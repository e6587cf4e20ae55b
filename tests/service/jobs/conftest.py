"""Each test that asks for `place` runs twice: all in the data directory, and over a real Redis and PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from service.metrics import Metrics
from service.services import open_services
from service.settings import Settings
from tests import catalogs
from tests.service.conftest import load_pixel_encoder
from tests.service.jobs.place import PATIENCE, Place

ROOT = Path(__file__).parents[3]
STALE_SECONDS = 3.0


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of the session's own, behind a Unix socket."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:  # pytest's own paths are longer than a socket's may be
        socket = f"{folder}/s"
        command = ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            deadline = time.monotonic() + PATIENCE
            with Redis.from_url(f"unix://{socket}") as client:
                while not _answers(client):
                    assert time.monotonic() < deadline, "redis-server did not start"
                    time.sleep(0.01)
            yield f"unix://{socket}"
            server.kill()


def _answers(client: Redis) -> bool:
    with suppress(RedisConnectionError):
        return bool(client.ping())
    return False


@pytest.fixture(params=["sqlite", "redis"])
def broker(request: pytest.FixtureRequest) -> str | None:
    """The setting `redis_url`."""
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, broker: str | None) -> Iterator[Place]:
    """A data directory with its jobs, and workers for it; those that still run at the end are killed."""
    if broker is not None:
        catalogs.use_postgresql(tmp_path, request.getfixturevalue("postgres").server)
    with at(tmp_path, broker, database_url=catalogs.database_url(tmp_path / "data")) as found:
        yield found


def at(tmp_path: Path, redis_url: str | None, **more: Any) -> Place:
    """A place in a folder."""
    settings = Settings(
        data=tmp_path / "data",
        redis_url=redis_url,
        encoder="pixel-16-0",
        job_stale_seconds=STALE_SECONDS,
        import_root=tmp_path,
        shutdown_seconds=5,
        **more,
    )
    return Place(settings, open_services(settings, Metrics(), load_pixel_encoder), tmp_path)
