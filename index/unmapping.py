"""Letting go of large mapped files on a thread of its own.

A file of gigabytes that a rebuild has removed lives on for as long as somebody has it mapped, and whoever lets go of it
last waits a second or two while the system frees its pages. That mustn't be the query that happened to end last; nor
may it be FAISS's destructor, which would hold up all of Python. So each file is kept open until it isn't mapped any
more, and closing it is what waits.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

__all__ = ["unmap_aside"]

# Smaller ones are freed in a few hundredths of a second; and a process may have only so many files open.
_LARGE = 64 * 1024 * 1024

_let_go: SimpleQueue[tuple[list[int], list[object]]] = SimpleQueue()
_beginning = threading.Lock()
_threads: list[threading.Thread] = []


def unmap_aside(owner: object, paths: Sequence[Path], mapped: Sequence[object]) -> None:
    """Once `owner` is gone, give up what it has mapped on another thread, if that is large.

    Args:
        owner: Has the last word on how long the files are mapped.
        paths: Of the files.
        mapped: Objects that keep them mapped; nobody but `owner` and these refer to the files.

    Raises:
        FileNotFoundError: A file is gone.
    """
    large = [path for path in paths if path.stat().st_size >= _LARGE]
    if not large:
        return
    with _beginning:
        if not _threads:
            _threads.append(threading.Thread(target=_give_up, name="unmapping", daemon=True))
            _threads[0].start()
    files = [os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)) for path in large]
    # The queue's put may be called from anywhere, in the middle of another put, too.
    weakref.finalize(owner, _let_go.put, (files, list(mapped))).atexit = False


def _give_up() -> None:
    while True:
        files, mapped = _let_go.get()
        mapped.clear()
        for file in files:
            os.close(file)
