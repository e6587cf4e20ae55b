"""The threads that do the heavy work, with a limited queue in front of them.

The event loop only reads and writes; what takes more than a millisecond happens here, but for the images of queries
that are not alone: those are decoded and encoded in `service.embedding.image_line`. Nothing here waits for an encoder
to be loaded: that happens beside it, and the work that lacks it begins anew.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import TypeVar

from invariantselect.errors import OverloadedError
from service.embedding.loading import LoadNeededError, without_waiting
from service.metrics import Metrics

__all__ = ["Engine"]

T = TypeVar("T")

_LONGEST_RETRY = 60
_LOADS_AT_ONCE = 2
_MOST_LOADS = 8


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
        self._loader = ThreadPoolExecutor(_LOADS_AT_ONCE, thread_name_prefix="loading")
        self._loads: dict[Hashable, asyncio.Future[object]] = {}
        self._inside = 0
        self._apart = 0.05  # seconds between requests that leave while others are inside, a moving average
        self._left = 0.0

    @asynccontextmanager
    async def admission(self, *, again: bool = False) -> AsyncIterator[None]:
        """Hold a place among the requests inside; whatever `run` is called within is not refused any more.

        Args:
            again: Whether the request has been inside before: then there is a place for it in any case.

        Raises:
            OverloadedError: Too many are inside; its context says after how many seconds to come again.
        """
        if self._inside >= self._limit and not again:
            self._metrics.refused.inc()
            wait = 1 + int(self._inside * self._apart)
            raise OverloadedError(
                f"{self._inside} requests are waiting, the most that may", retry_after=min(wait, _LONGEST_RETRY)
            )
        self._enter()
        came = time.perf_counter()
        try:
            yield
        finally:
            self._leave()
            now = time.perf_counter()
            self._apart += 0.1 * (now - max(came, self._left) - self._apart)
            self._left = now

    @property
    def alone(self) -> bool:
        """Whether at most one request is inside."""
        return self._inside <= 1

    async def run(self, work: Callable[[], T]) -> T:
        """Do a piece of work on one of the threads. Cancelled before it began, it is not done.

        Work that lacks an encoder is done anew when that is loaded; until then its request holds no place.
        """
        for _ in range(_MOST_LOADS):
            try:
                return await self._on_a_thread(work, without_waiting)
            except LoadNeededError as needed:
                self._leave()
                try:
                    await self._load(needed)
                finally:
                    self._enter()
        # What others push out again as soon as it is loaded.
        return await self._on_a_thread(work, nullcontext)

    async def _on_a_thread(self, work: Callable[[], T], surroundings: Callable[[], AbstractContextManager[None]]) -> T:
        held, asked = [work], time.perf_counter()

        def begun() -> T:
            self._metrics.queue_wait_seconds.observe(time.perf_counter() - asked)
            with surroundings():
                return held.pop()()

        try:
            return await asyncio.wrap_future(self._pool.submit(contextvars.copy_context().run, begun))
        except asyncio.CancelledError:
            held.clear()  # the pool keeps its place in the queue, and must not keep a body that nobody counts any more
            raise

    async def _load(self, needed: LoadNeededError) -> None:
        """Wait until it is loaded, or has failed to be: who asks next is told why."""
        loading = self._loads.get(needed.key)
        if loading is None:
            loading = asyncio.wrap_future(self._loader.submit(needed.load))
            self._loads[needed.key] = loading
            loading.add_done_callback(partial(self._loaded, needed.key))
        await asyncio.wait([loading])

    def _loaded(self, key: Hashable, done: asyncio.Future[object]) -> None:
        del self._loads[key]
        if not done.cancelled():
            done.exception()  # seen: who asks again raises it

    def _enter(self) -> None:
        self._inside += 1  # only the event loop's thread touches it
        self._metrics.queued.inc()

    def _leave(self) -> None:
        self._inside -= 1
        self._metrics.queued.dec()

    def close(self) -> None:
        """Let running work finish and drop what has not begun."""
        self._loader.shutdown(wait=True, cancel_futures=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
