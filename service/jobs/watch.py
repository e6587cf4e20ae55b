"""The thread beside a running job: gives signs of life, and notices when the job is to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

import structlog

from invariantselect.errors import InvariantSelectError, JobCancelledError
from service.jobs.claims import Claim

__all__ = ["Verdict", "Watch"]

_log = structlog.get_logger("service.jobs.watch")

_LOOKS_A_SECOND = 2
_BEATS = 5  # in the time after which a worker counts as dead

Verdict = Literal["cancel_requested", "lost", "stopping"]


class Watch:
    """Watches over a claim while its job runs: ``with Watch(…) as watch: …``.

    Args:
        claim: The job.
        stale_seconds: After how long without a sign of life another worker takes it.
        stopping: Whether this worker was told to stop.
    """

    def __init__(self, claim: Claim, stale_seconds: float, stopping: Callable[[], bool]) -> None:
        self._claim = claim
        self._stale = stale_seconds
        self._stopping = stopping
        self._over = threading.Event()
        self._beat = time.monotonic()
        self._verdict: Verdict | None = None
        self._deciding = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{claim.job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def verdict(self) -> Verdict | None:
        """Why the job is to stop, if it is."""
        if self._verdict is None and time.monotonic() - self._beat > self._stale:
            self._decide("lost")  # this process slept; others take it for dead
        return self._verdict

    def check(self) -> None:
        """Let a job go on that may.

        Raises:
            JobCancelledError: Somebody cancelled it, another worker has it by now, or this worker is stopping.
        """
        verdict = self.verdict
        if verdict is not None:
            raise JobCancelledError(f"the job {self._claim.job.id} is to stop here: {_WORDS[verdict]}")

    def _watch(self) -> None:
        pause = min(1 / _LOOKS_A_SECOND, self._stale / (2 * _BEATS))
        while self._verdict is None and not self._over.wait(pause):
            try:
                self._decide(self._look())
            except InvariantSelectError as error:  # a passing trouble; one that lasts makes the claim stale
                _log.warning("job_watch_failed", job=self._claim.job.id, error=error.detail)

    def _decide(self, verdict: Verdict | None) -> None:
        with self._deciding:  # once and for all: the job may have been told by the other thread
            if self._verdict is None:
                self._verdict = verdict

    def _look(self) -> Verdict | None:
        if self._stopping():
            return "stopping"
        asked = time.monotonic()
        standing = self._claim.standing()
        if standing == "held" and asked - self._beat >= self._stale / _BEATS:
            if not self._claim.beat():
                return "lost"
            self._beat = asked
        return None if standing == "held" else standing


_WORDS: dict[Verdict, str] = {
    "cancel_requested": "it was cancelled",
    "lost": "another worker has taken it over",
    "stopping": "its worker is stopping",
}
