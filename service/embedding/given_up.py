"""Whether anybody still waits for what a thread does: asked in between by work that may take long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from invariantselect.errors import TimedOutError

__all__ = ["check_wanted", "wanted", "wanted_until"]

_given_up: ContextVar[Callable[[], bool] | None] = ContextVar("given_up", default=None)


@contextmanager
def wanted() -> Iterator[None]:
    """What is begun within, on whatever thread of the engine, is wanted until this ends."""
    over = threading.Event()
    try:
        with wanted_until(over.is_set):
            yield
    finally:
        over.set()


@contextmanager
def wanted_until(over: Callable[[], bool]) -> Iterator[None]:
    """What is begun within is wanted until so; asked from the thread that does it."""
    token = _given_up.set(over)
    try:
        yield
    finally:
        _given_up.reset(token)


def check_wanted() -> None:
    """Go on, unless nobody waits any more for what is done. What is done for nobody in particular always goes on.

    Raises:
        TimedOutError: Nobody does.
    """
    over = _given_up.get()
    if over is not None and over():
        raise TimedOutError("nobody waits for this answer any more")
