"""Loading a snapshot on a thread of its own, while queries go on with the one before."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from invariantselect.errors import InvariantSelectError

__all__ = ["LoadingBeside"]

_log = logging.getLogger("index.loading_beside")


class LoadingBeside:
    """One thread at a time that loads a version of a pool. Thread-safe.

    Args:
        pool: Its name, for the log.
    """

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed: int | None = None

    def begin(self, version: int, load: Callable[[], object]) -> bool:
        """Load a version, unless that is being done already.

        Returns:
            False where loading this version has failed: who asks loads it himself then, and sees why.
        """
        with self._lock:
            if self._failed == version:
                return False
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._load, args=(version, load), name=f"loading {self._pool}", daemon=True
                )
                self._thread.start()
            return True

    def _load(self, version: int, load: Callable[[], object]) -> None:
        try:
            load()
        except InvariantSelectError as error:
            _log.warning("version %d of the pool %s can't be loaded: %s", version, self._pool, error.detail)
            self._failed = version
        except Exception:
            self._failed = version
            raise
