"""Whether anybody still waits for what a thread does: asked in between by work that may take long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from invariantselect.errors import TimedOutError

__all__ = ["check_wanted", "wanted"]

_given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


@contextmanager
def wanted() -> Iterator[None]:
    """What is begun within, on whatever thread of the engine, is wanted until this ends."""
    over = threading.Event()
    token = _given_up.set(over)
    try:
        yield
    finally:
        _given_up.reset(token)
        over.set()


def check_wanted() -> None:
    """Go on, unless the request that this is done for is over. What is done for several, or none, always goes on.

    Raises:
        TimedOutError: Nobody waits for it any more.
    """
    over = _given_up.get()
    if over is not None and over.is_set():
        raise TimedOutError("nobody waits for this answer any more")
