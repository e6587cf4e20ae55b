"""Loading an encoder takes seconds. A thread that other requests need doesn't wait for it: it says what it lacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy

from invariantselect.errors import InvariantSelectError

__all__ = ["LoadFailures", "LoadNeededError", "may_wait", "without_waiting"]

_REMEMBERED_S = 0.5
_may_wait: ContextVar[bool] = ContextVar("may_wait", default=True)


class LoadNeededError(Exception):
    """Raised where something has to be loaded first and nobody may wait.

    Attributes:
        key: Of what is lacking: it is loaded once, whoever asks.
        load: Loads it and keeps it.
    """

    def __init__(self, key: Hashable, load: Callable[[], object]) -> None:
        super().__init__(f"{key} has to be loaded")
        self.key = key
        self.load = load


@contextmanager
def without_waiting() -> Iterator[None]:
    """Within it nothing is loaded: what is lacking raises a LoadNeededError."""
    before = _may_wait.set(False)
    try:
        yield
    finally:
        _may_wait.reset(before)


def may_wait() -> bool:
    """Whether this thread may load what it lacks."""
    return _may_wait.get()


class LoadFailures:
    """What couldn't be loaded a moment ago: those who waited for it are told why, and don't begin anew. Thread-safe."""

    def __init__(self) -> None:
        self._failed: dict[Hashable, tuple[float, InvariantSelectError]] = {}

    def check(self, key: Hashable) -> None:
        """Raise what the last attempt raised, if that was just now."""
        failed = self._failed.get(key)
        if failed is None:
            return
        until, error = failed
        if time.monotonic() < until:
            raise copy(error)  # what is raised holds the frames that it went through, and what was sent in them
        self._failed.pop(key, None)

    @contextmanager
    def noted(self, key: Hashable) -> Iterator[None]:
        """Within it something is loaded; if that fails as it may, it is remembered."""
        try:
            yield
        except InvariantSelectError as error:
            self._failed[key] = (time.monotonic() + _REMEMBERED_S, copy(error))
            raise
        self._failed.pop(key, None)
