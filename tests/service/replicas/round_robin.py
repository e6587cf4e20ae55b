"""Two servers behind one client, each request to the next one: ``TESTS_REPLICAS=1 pytest tests/service/test_….py``.

Both have the data directory, a PostgreSQL, a Redis and an object store for images in common, and nothing else. What a
test asks of one process alone (its metrics, its queue, its log) it can't ask of two: such tests fail here, and must
fail for that reason.
"""

from __future__ import annotations

import atexit
import hashlib
import itertools
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tests.postgres import RealPostgres

__all__ = ["REPLICAS", "share", "shared_settings"]

REPLICAS = bool(os.environ.get("TESTS_REPLICAS"))
"""Whether servers under test come in pairs."""


@cache
def _servers() -> tuple[RealPostgres, str, str]:
    from tests.redis_server import RealRedis
    from tests.s3_server import S3Server

    postgres, redis, images = RealPostgres(), RealRedis(Path(tempfile.mkdtemp(prefix="redis-"))), S3Server()
    atexit.register(postgres.remove)
    atexit.register(redis.kill)
    atexit.register(images.kill)
    postgres.start()
    redis.start()
    images.start()
    os.environ.update(images.environment)
    return postgres, redis.url, images.bucket


def shared_settings(data: Path) -> dict[str, Any]:
    """What makes servers of one data directory replicas."""
    postgres, redis_url, bucket = _servers()
    name = f"data_{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]}"
    return {"database_url": postgres.url(name), "redis_url": redis_url, "images_url": f"{bucket}/{name}"}


def share(one: TestClient, other: TestClient) -> None:
    """Send every other request of a client to the server of another."""
    turns = itertools.cycle([one._transport, other._transport])

    class Alternating:
        def handle_request(self, request: Any) -> Any:
            return next(turns).handle_request(request)

        def close(self) -> None:
            one_transport.close()

    one_transport = one._transport
    one._transport = Alternating()  # type: ignore[assignment]
