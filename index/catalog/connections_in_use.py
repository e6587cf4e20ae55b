"""The connections that are in use just now, so that those who wait for an answer on them can be let go."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, event

__all__ = ["ConnectionsInUse"]


class ConnectionsInUse:
    """Keeps account of an engine's connections that are checked out. Thread-safe.

    Args:
        engine: Whose connections have a file descriptor, as PostgreSQL's have.
    """

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._used: dict[int, tuple[float, Any]] = {}  # since when, which
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "checkin", self._given_back)

    def cut(self, *, longer_than: float = 0.0) -> int:
        """Shut their sockets, as if the server had: whoever waits on one is told at once that it is broken.

        Args:
            longer_than: Seconds that a connection is left alone.

        Returns:
            How many there were.
        """
        with self._lock:
            until = time.monotonic() - longer_than
            used = [connection for since, connection in self._used.values() if since <= until]
            for connection in used:
                with suppress(Exception):  # it was closed meanwhile, which is what is wanted
                    _shut(os.dup(connection.fileno()))
        return len(used)

    def _taken(self, connection: Any, record: object, _proxy: object) -> None:
        with self._lock:
            self._used[id(record)] = (time.monotonic(), connection)

    def _given_back(self, _connection: object, record: object) -> None:  # of one that broke, only the record comes back
        with self._lock:
            self._used.pop(id(record), None)


def _shut(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as copy:
        copy.shutdown(socket.SHUT_RDWR)
