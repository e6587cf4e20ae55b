"""A process that kills itself at the n-th call of something, as a power cut or an out-of-memory killer would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["die_at"]


def die_at(calls: Mapping[str, tuple[Any, str]], where: str, nth: int) -> None:
    """Let this process be killed with -9.

    Args:
        calls: What can be called: an owner and the name of its attribute.
        where: ``before`` or ``after``, a space, and a name of `calls`.
        nth: At which call, from 1.
    """
    moment, _, call = where.partition(" ")
    owner, name = calls[call]
    real: Callable[..., Any] = getattr(owner, name)
    count = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        mine = count  # other threads may call meanwhile
        if moment == "before" and mine == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if moment == "after" and mine == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, counted)
