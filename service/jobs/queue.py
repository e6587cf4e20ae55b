"""The broker: huey over SQLite in the data directory, or over Redis. It carries ids of jobs and nothing else.

What it forgets is announced again by `service.jobs.sweeping`; what it says twice is claimed once.
Source for huey: Leifer, https://huey.readthedocs.io/.
"""

from __future__ import annotations

import hashlib
import re
import signal
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from huey import Huey, RedisHuey, SqliteHuey
from huey.consumer import Consumer, Scheduler, Worker
from huey.exceptions import HueyException
from huey.registry import Message
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from index.catalog.engine import Catalog

__all__ = ["JobQueue", "open_queue"]

_log = structlog.get_logger("service.jobs.queue")

_NAME = "invariantselect"
_TASK = "run_job"
_ID = re.compile(rb"[0-9a-f]{24}")
_REDIS_CONNECT_SECONDS, _REDIS_SECONDS = 2, 5  # the second is longer than huey waits for a message, which is one
_LONGEST_IDLE_SECONDS = 1.0
_BROKER_ERRORS = (RedisError, sqlite3.Error, OSError)


class JobQueue:
    """Messages that say which job there is to do. Thread-safe.

    Args:
        huey: Connected to a broker, as `open_queue` makes it.
        close: Closes that connection.
    """

    def __init__(self, huey: Huey, close: Callable[[], object]) -> None:
        self._huey = huey
        self._close = close
        self._run: Callable[[str], None] | None = None
        self._task = huey.task(name=_TASK)(self._perform)

    def announce(self, id: str) -> bool:
        """Say that a job is to be done; False when the broker doesn't take it, which is logged."""
        try:
            self._huey.enqueue(self._task.s(id))
        except _BROKER_ERRORS as error:
            _log.warning("broker_lost", error=str(error), consequence="a worker's sweep announces the job again")
            return False
        return True

    def announced(self) -> set[str] | None:
        """Ids of the jobs whose message waits; None when the broker doesn't answer."""
        try:
            return {bytes(data).decode("ascii", "replace") for data in self._huey.storage.enqueued_items()}
        except _BROKER_ERRORS:
            return None

    def consumer(self, run: Callable[[str], None], *, patience: float) -> Consumer:
        """What takes messages one by one, in a thread, until its process is told to stop.

        Args:
            run: Does a job by its id.
            patience: Seconds that Ctrl-C waits for the job that runs.
        """
        self._run = run
        return _Consumer(
            self._huey,
            periodic=False,
            scheduler_interval=60,
            max_delay=_LONGEST_IDLE_SECONDS,
            shutdown_timeout=patience,
        )

    def close(self) -> None:
        """Close the connection to the broker."""
        self._close()

    def _perform(self, id: str) -> None:
        if self._run is not None:
            self._run(id)


def open_queue(data: Path, redis_url: str | None, store: Catalog) -> JobQueue:
    """Connect to the broker: Redis where there is a URL, else ``jobs/queue.sqlite3`` in the data directory.

    Redis is asked only when a message is sent or taken, so that it may be down now.

    Args:
        data: The data directory.
        redis_url: Of the Redis.
        store: Where the jobs are.

    Raises:
        CatalogUnavailableError: The table doesn't answer.
    """
    options: dict[str, Any] = {"results": False, "serializer": _JobIds()}
    if redis_url is None:
        folder = data / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        sqlite = SqliteHuey(_NAME, filename=str(folder / "queue.sqlite3"), **options)
        return JobQueue(sqlite, sqlite.storage.close)
    pool = ConnectionPool.from_url(
        redis_url,
        socket_connect_timeout=_REDIS_CONNECT_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    # Servers that share a Redis don't share their jobs, unless they share the table of jobs. Machines may see one data
    # directory under different paths, but a database knows its name; a file may have been copied, so its place counts.
    table = store.identity() if store.remote else str(data.resolve())
    own = hashlib.sha256(table.encode()).hexdigest()[:16]
    return JobQueue(RedisHuey(f"{_NAME}{own}", connection_pool=pool, **options), pool.disconnect)


class _JobIds:
    """huey's messages as the bare id of the job: its own would be pickles, and what a broker says is not to be run."""

    def serialize(self, message: Message) -> bytes:
        id: str = message.args[0]
        return id.encode("ascii")

    def deserialize(self, data: bytes) -> Message:
        given = bytes(data)
        if _ID.fullmatch(given) is None:
            raise ValueError("the message is not the id of a job")
        id = given.decode("ascii")
        return Message(id=id, name=f"{JobQueue.__module__}.{_TASK}", args=(id,), kwargs={})


class _Taker(Worker):  # type: ignore[misc]
    """huey's, except that a broker which is away is told of once: huey calls it an error each time it looks."""

    _lost = False

    def loop(self, now: datetime | None = None) -> None:
        try:
            task = self.huey.dequeue()
            if task is not None:
                self.huey.execute(task, now)  # asks the broker something, too, before it begins
        except _BROKER_ERRORS as error:
            if not self._lost:
                _log.warning("broker_lost", error=str(error), consequence="jobs wait until it is back")
            self._lost = True
            self.sleep()
            return
        except (ValueError, HueyException) as error:
            _log.warning("message_not_understood", error=str(error))
            return
        if self._lost:
            _log.info("broker_found_again")
            self._lost = False
        if task is not None:
            self.delay = self.default_delay
        elif not self.huey.storage.blocking:
            self.sleep()


class _NoSchedule(Scheduler):  # type: ignore[misc]
    """huey's, except that nothing is ever scheduled: a broker that is away isn't asked, and not called an error."""

    def loop(self, now: datetime | None = None) -> None:  # noqa: ARG002 -- huey's signature
        self.stop_flag.wait(self.interval)


class _Consumer(Consumer):  # type: ignore[misc]
    """huey's, except that a closed terminal ends it: huey would start the program anew, with the same arguments."""

    worker_class = _Taker
    scheduler_class = _NoSchedule

    def start(self) -> None:
        super().start()
        signal.signal(signal.SIGHUP, lambda *_: self.stop_flag.set())
