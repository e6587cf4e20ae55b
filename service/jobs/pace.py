"""How long a phase still takes, and how often its progress is worth writing down. Pure: time is handed in."""

from __future__ import annotations

__all__ = ["Pace"]

_MOST_OFTEN, _LEAST_OFTEN = 1.0, 10.0  # seconds between two events
_SHARE = 200  # of the time since the job began: a long job is told less often


class Pace:
    """The pace of a job in seconds.

    Args:
        now: A monotonic time, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._phase: str | None = None
        self._first: tuple[float, int] | None = None
        self._told = float("-inf")
        self._fresh = self._complete = False

    def enter(self, phase: str) -> bool:
        """Be in a phase; the pace of one that wasn't the last is measured from here. Whether it wasn't."""
        if phase == self._phase:
            return False
        self._phase, self._first, self._fresh, self._complete = phase, None, True, False
        return True

    def seconds_left(self, done: int | None, total: int | None, now: float) -> float | None:
        """Seconds that the rest of the phase takes at the pace so far; None while that can't be said.

        What was done before this attempt began says nothing about its pace, so the first call only sets the start.
        """
        if done is None or total is None:
            return None
        if self._first is None or done < self._first[1]:
            self._first = now, done
        since, first = self._first
        if done <= first or now <= since:
            return None
        return round(max(0, total - done) * (now - since) / (done - first), 1)

    def due(self, done: int | None, total: int | None, now: float) -> bool:
        """Whether this is worth writing down: a phase has just been entered, or is complete for the first time, or
        enough time has gone by since the last time that this was true.
        """
        if self._fresh or (done is not None and done == total and not self._complete):
            self._fresh, self._complete, self._told = False, done is not None and done == total, now
            return True
        pause = min(max((now - self._began) / _SHARE, _MOST_OFTEN), _LEAST_OFTEN)
        if now - self._told < pause:
            return False
        self._told = now
        return True
