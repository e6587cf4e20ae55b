"""The threads that do the heavy work, with a limited queue in front of them.

The event loop only reads and writes; what takes more than a millisecond happens here, but for the images of queries
that are not alone: those are decoded and encoded in `service.embedding.image_line`.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from invariantselect.errors import OverloadedError
from service.metrics import Metrics

__all__ = ["Engine"]

T = TypeVar("T")

_LONGEST_RETRY = 60


class Engine:
    """A thread pool that admits a limited number of requests at a time.

    Args:
        threads: How many pieces of work run at once.
        queue_limit: How many requests may be inside, waiting or working.
        metrics: Where its load is shown.
    """

    def __init__(self, threads: int, queue_limit: int, metrics: Metrics) -> None:
        self._limit = queue_limit
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._inside = 0
        self._apart = 0.05  # seconds between requests that leave while others are inside, a moving average
        self._left = 0.0

    @asynccontextmanager
    async def admission(self) -> AsyncIterator[None]:
        """Hold a place among the requests inside; whatever `run` is called within is not refused any more.

        Raises:
            OverloadedError: Too many are inside; its context says after how many seconds to come again.
        """
        if self._inside >= self._limit:
            self._metrics.refused.inc()
            wait = 1 + int(self._inside * self._apart)
            raise OverloadedError(
                f"{self._inside} requests are waiting, the most that may", retry_after=min(wait, _LONGEST_RETRY)
            )
        self._inside += 1  # only the event loop's thread touches it
        self._metrics.queued.inc()
        came = time.perf_counter()
        try:
            yield
        finally:
            self._inside -= 1
            self._metrics.queued.dec()
            now = time.perf_counter()
            self._apart += 0.1 * (now - max(came, self._left) - self._apart)
            self._left = now

    @property
    def alone(self) -> bool:
        """Whether at most one request is inside."""
        return self._inside <= 1

    async def run(self, work: Callable[[], T]) -> T:
        """Do a piece of work on one of the threads. Cancelled before it began, it is not done."""
        begun = partial(self._begun, work, time.perf_counter())
        return await asyncio.wrap_future(self._pool.submit(contextvars.copy_context().run, begun))

    def _begun(self, work: Callable[[], T], asked: float) -> T:
        self._metrics.queue_wait_seconds.observe(time.perf_counter() - asked)
        return work()

    def close(self) -> None:
        """Let running work finish and drop what has not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)
