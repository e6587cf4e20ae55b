"""Whether a database that may go away is there: so that, while it isn't, nobody waits to be told so again."""

from __future__ import annotations

import threading
import time

from invariantselect.errors import CatalogUnavailableError

__all__ = ["Outage"]

_REST_SECONDS = 0.5


class Outage:
    """Thread-safe. While it lasts one thread at a time tries to connect, twice a second; the others fail at once.

    Args:
        patience: Seconds that a try may take.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._since: float | None = None
        self._next_try = 0.0
        self._reason = ""

    @property
    def seconds(self) -> float | None:
        """For how long the database has been away; None while it is there, as far as anybody knows."""
        since = self._since
        return None if since is None else time.monotonic() - since

    @property
    def reason(self) -> str:
        """Why the last try failed; for the operator, as it may name hosts and users."""
        return self._reason

    def check(self) -> None:
        """Let a thread try that may.

        Raises:
            CatalogUnavailableError: The database is away, and it isn't this thread's turn to look.
        """
        if self._since is None:
            return
        with self._lock:
            now = time.monotonic()
            if now < self._next_try:
                raise CatalogUnavailableError("the catalog doesn't answer: it has been away for a while")
            self._next_try = now + self._patience + _REST_SECONDS

    def begin(self, reason: str) -> None:
        """Record that the database couldn't be reached."""
        with self._lock:
            now = time.monotonic()
            self._since = now if self._since is None else self._since
            self._next_try = now + _REST_SECONDS
            self._reason = reason

    def end(self) -> None:
        """Record that it answered."""
        if self._since is not None:
            with self._lock:
                self._since, self._next_try = None, 0.0
