"""Threads of what changes something. Writes take turns, so one may wait for long; no query must wait behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

__all__ = ["WriteThreads"]

T = TypeVar("T")

_AT_ONCE = 16  # one of them writes; the others wait, look things up, or encode


class WriteThreads:
    """Runs what changes something, apart from the threads that answer. For one event loop."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(_AT_ONCE)

    async def run(self, work: Callable[[], T]) -> T:
        """The result of a piece of work. Once begun it is done to its end, also when nobody waits any more."""
        return await to_thread.run_sync(work, limiter=self._limiter)
