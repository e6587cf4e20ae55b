"""Memory that a training frees and takes again at each step stays with the process meanwhile."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["kept_memory"]

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_USUAL = {_TRIM_THRESHOLD: 128 << 10, _TOP_PAD: 128 << 10, _MMAP_MAX: 65536}
_KEEPING = {_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 << 20, _MMAP_MAX: 0}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Let glibc keep freed memory, and give it back in the end; without effect where there is no glibc.

    As it is, glibc takes each large block from the system and gives it back when it is freed. A training step does so
    hundreds of times with blocks of megabytes, and the system clears each page anew when it is touched: on a virtual
    machine that took a tenth of a step, and four fifths where the host had to find the memory again, too.
    """
    settle = _mallopt()
    if settle is None:
        yield
        return
    for name, value in _KEEPING.items():
        settle(name, value)
    try:
        yield
    finally:
        for name, value in _USUAL.items():
            settle(name, value)
        ctypes.CDLL(None).malloc_trim(0)


def _mallopt() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    found: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
    return found
