"""Works that wait for a free thread to end on, and are alike, end together: one search reads the pool for all of them.

As in `service.embedding.forward_lane`, nobody waits for others to come: who comes while no thread is taken ends at
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from invariantselect.errors import InvariantSelectError
from service.embedding.embedder import Passed
from service.embedding.engine import Engine
from service.embedding.given_up import wanted_until

__all__ = ["End", "Ending", "Together"]

T = TypeVar("T")

_MOST = 32


@dataclass(frozen=True, eq=False)
class Together(Generic[T]):
    """How works that are alike end together.

    Attributes:
        key: Equal for works that may.
        prepare: From what became of the work's own images to what `finish` takes of it.
        finish: The results of several, in their order; that of any of the works will do.
    """

    key: Hashable
    prepare: Callable[[Sequence[Passed | InvariantSelectError]], Any]
    finish: Callable[[Sequence[Any]], Sequence[T | InvariantSelectError]]


@dataclass(frozen=True, eq=False)
class End(Generic[T]):
    """What is left of a work whose images have passed.

    Attributes:
        together: How it ends.
        prepare: What `Together.finish` takes of it.
    """

    together: Together[T]
    prepare: Callable[[], Any]

    def alone(self) -> T | Exception:
        """Its result, or why there is none."""
        try:
            (result,) = self.together.finish([self.prepare()])
        except Exception as error:  # noqa: BLE001 -- raised where the request waits
            return error
        return result


@dataclass(frozen=True, eq=False)
class _Waiting:
    end: End[Any]
    future: asyncio.Future[Any]


class Ending:
    """Ends works on an engine's threads. For one event loop.

    Args:
        engine: Whose threads.
        at_once: How many of them.
    """

    def __init__(self, engine: Engine, at_once: int) -> None:
        self._engine = engine
        self._idle = at_once
        self._waiting: dict[Hashable, list[_Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def end(self, end: End[T]) -> T:
        """The result of a work. Cancelled before a thread was free for it, it isn't ended.

        Raises:
            InvariantSelectError: Whatever is wrong with this work; that of others isn't.
        """
        waiting = _Waiting(end, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(end.together.key, []).append(waiting)
        if self._idle:
            self._idle -= 1
            # A context of its own: what runs is not of the one request that happened to be the first.
            task = asyncio.get_running_loop().create_task(self._run(), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        try:
            return cast(T, await waiting.future)
        except asyncio.CancelledError:
            self._forget(waiting)  # it holds what was sent, and no thread may be free for long
            raise

    def _forget(self, waiting: _Waiting) -> None:
        group = self._waiting.get(waiting.end.together.key, [])
        if waiting in group:
            group.remove(waiting)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._run_some(self._next())
        finally:
            self._idle += 1

    def _next(self) -> list[_Waiting]:
        """Those that have waited longest, and are alike."""
        key = next(iter(self._waiting))
        group = self._waiting.pop(key)
        if len(group) > _MOST:
            self._waiting[key] = group[_MOST:]
        return [each for each in group[:_MOST] if not each.future.done()]

    async def _run_some(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        try:
            with wanted_until(lambda: all(each.future.done() for each in group)):
                results = await self._engine.run(partial(_ended, [each.end for each in group]))
        except BaseException:  # the engine is closed
            for each in group:
                each.future.cancel()
            raise
        for each, result in zip(group, results, strict=True):
            if each.future.done():
                continue
            if isinstance(result, Exception):
                each.future.set_exception(result)
            else:
                each.future.set_result(result)


def _ended(ends: Sequence[End[Any]]) -> Sequence[Any]:
    """The results of works that are alike, errors in the places of those that have none."""
    if len(ends) > 1:
        try:
            return ends[0].together.finish([end.prepare() for end in ends])
        except Exception:  # noqa: BLE001 -- of one of them, or of all: each tells its own
            return [end.alone() for end in ends]
    return [end.alone() for end in ends]
