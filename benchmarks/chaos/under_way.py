"""What a server or a worker is in the middle of, written where it can be read after the process was killed."""

from __future__ import annotations

import functools
import importlib
import mmap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["OPERATIONS", "UnderWay", "tell"]

OPERATIONS: dict[str, tuple[str, str, str]] = {
    "ingest": ("index.pool", "Pool", "write"),
    "import": ("service.jobs.importing", "", "take_in"),
    "change of words": ("index.pool", "Pool", "patch"),
    "delete": ("index.pool", "Pool", "delete"),
    "seal": ("index.pool", "", "seal"),
    "rebuild": ("index.pool", "Pool", "rebuild"),
    "adapt: learning": ("service.jobs.adapting", "", "_learnt"),
    "adapt: storing": ("service.jobs.draft_version", "Draft", "save"),
    "adapt: filling": ("index.pool", "Pool", "fill"),
    "switch of encoders": ("index.pool", "Pool", "switch"),
    "rollback": ("service.routers.adaptation", "", "roll_back"),
}
"""Where what happens: a module, a class in it or nothing, and a function."""

_BYTES = 4


class UnderWay:
    """The reader's side: a file of counters, one an operation, that its process maps into its memory.

    Args:
        file: Which.

    Attributes:
        file: The same.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._counts: memoryview | None = None

    def clear(self) -> None:
        """Begin anew, for a process that is to be started."""
        self.file.unlink(missing_ok=True)
        self.file.write_bytes(bytes(_BYTES * len(OPERATIONS)))
        self._counts = _mapped(self.file)

    def now(self) -> list[str]:
        """The operations that were begun and haven't ended."""
        if self._counts is None:
            return []
        return [name for name, count in zip(OPERATIONS, self._counts, strict=True) if count]


def tell(file: Path) -> None:
    """Let this process keep the counters in a file up to date."""
    counts, lock = _mapped(file), threading.Lock()
    for slot, (module, owner, name) in enumerate(OPERATIONS.values()):
        where = importlib.import_module(module)
        if owner:
            where = getattr(where, owner)
        setattr(where, name, _counted(getattr(where, name), counts, slot, lock))


def _mapped(file: Path) -> memoryview:
    with file.open("r+b") as opened:
        return memoryview(mmap.mmap(opened.fileno(), 0)).cast("i")


def _counted(real: Callable[..., Any], counts: memoryview, slot: int, lock: threading.Lock) -> Callable[..., Any]:
    def add(number: int) -> None:
        with lock:
            counts[slot] += number

    @functools.wraps(real)
    def counted(*args: Any, **options: Any) -> Any:
        add(1)
        try:
            return real(*args, **options)
        finally:
            add(-1)

    return counted
