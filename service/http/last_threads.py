"""The end of a process beneath threads that don't end: to be killed at any point loses nothing."""

from __future__ import annotations

import os
import sys
import threading
import time

import structlog

__all__ = ["end_at_once", "end_with_threads"]

_log = structlog.get_logger("service.http.last_threads")


def end_with_threads(seconds: float) -> None:
    """Wait so long for threads that still work, and end the process if one does even then."""
    deadline = time.monotonic() + seconds
    working = [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
    for thread in working:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in working):
        end_at_once()


def end_at_once() -> None:
    """End the process, and say so."""
    working = [each.name for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    _log.warning("threads_left_behind", threads=working, consequence="what they were doing is as if killed")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
