"""How long a client that waits for a job puts up with a server that is away: it is being restarted, most often."""

from __future__ import annotations

from invariantselect.errors import ConnectionFailedError, InvariantSelectError, TimedOutError

__all__ = ["Patience"]

_SECONDS = 300.0
_PASSING_STATUSES = (408, 429, 502, 503, 504)


class Patience:
    """Begins with the first sign of life: a server that was never there isn't waited for."""

    def __init__(self) -> None:
        self._known = False
        self._lost_at: float | None = None

    def heard(self) -> None:
        """The server is there."""
        self._known, self._lost_at = True, None

    def bears(self, error: InvariantSelectError, now: float) -> bool:
        """Whether to try again after an error.

        Args:
            error: Of a request that was repeated as often as any is.
            now: Seconds since the epoch.
        """
        if self._lost_at is None:
            self._lost_at = now
        status = error.context.get("status_received", error.status)
        passes = isinstance(error, ConnectionFailedError | TimedOutError) or status in _PASSING_STATUSES
        return self._known and passes and now - self._lost_at < _SECONDS
