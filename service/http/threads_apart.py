"""Threads of what may wait for long, apart from those of queries: writes take turns, and a store may be slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

__all__ = ["ThreadsApart"]

T = TypeVar("T")

_AT_ONCE = 16


class ThreadsApart:
    """Runs one kind of work on few threads. For one event loop."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(_AT_ONCE)

    async def run(self, work: Callable[[], T]) -> T:
        """The result of a piece of work. Once begun it is done to its end, also when nobody waits any more."""
        return await to_thread.run_sync(work, limiter=self._limiter)
