"""What a job is given to work with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from index.pool import Pool
from invariantselect.errors import (
    CatalogUnavailableError,
    InvalidRequestError,
    JobCancelledError,
    PoolNotFoundError,
)
from invariantselect.wire.jobs import JobProgress
from service.jobs.claims import Claim
from service.jobs.pace import Pace
from service.services import Services
from service.tracing.at_hand import happened

__all__ = ["JobContext"]

_log = structlog.get_logger("service.jobs")

_LONGEST_LINE = 10_000


@dataclass(frozen=True, eq=False)
class JobContext:
    """A running job's view of the world.

    Attributes:
        services: The pools, encoders and settings that the routes work with too.
        folder: For checkpoints: it survives the worker and is removed when the job has succeeded.
    """

    services: Services
    folder: Path
    _claim: Claim
    _check: Callable[[], None]
    _cancelled: Callable[[], bool] = lambda: False
    _pace: Pace = field(default_factory=lambda: Pace(time.monotonic()))

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._claim.job.id

    @property
    def pool(self) -> str | None:
        """Name of the pool that the job is about."""
        return self._claim.job.pool

    def open_pool(self) -> Pool:
        """The pool that the job is about.

        Raises:
            InvalidRequestError: It is about none.
            PoolNotFoundError: There is none of its name, or it was dropped and another has its name: what an attempt
                before has left is of no use there. Nor is it known to be the same where a job from before 0006 has no
                key.
            CatalogUnavailableError: The catalog doesn't answer.
        """
        if self.pool is None:
            raise InvalidRequestError(f"the kind of job {self._claim.job.kind!r} needs a pool")
        pool = self.services.pools.open(self.pool)
        if self._claim.pool_key != pool.key:
            raise PoolNotFoundError(
                f"the pool {pool.name!r} that the job is about was dropped, and another has its name",
                hint="Hand in a new job.",
                pool=pool.name,
            )
        return pool

    @property
    def may_make_pool(self) -> bool:
        """Whether the job may make the pool that it is about: there was none when it was handed in."""
        return self._claim.pool_key is None

    def has_made(self, pool: Pool) -> None:
        """From now on the job is about the pool that it has made.

        Raises:
            CatalogUnavailableError: The table doesn't answer.
        """
        self._claim.is_about(pool.key)

    @property
    def attempt(self) -> int:
        """How often the job was begun, this time included."""
        return self._claim.job.attempt

    def retries(self) -> int:
        """How often somebody retried the job: unlike attempts, which begin by themselves when a worker stops or dies.

        Raises:
            CatalogUnavailableError: The table doesn't answer.
        """
        return self._claim.retries()

    def check(self) -> None:
        """Go on, or stop here. Costs nothing: call it as often as you like.

        Raises:
            JobCancelledError: The job was cancelled, another worker has taken it over, or this worker is stopping.
        """
        self._check()

    def stopped(self) -> bool:
        """Whether `check` would raise, for what asks rather than lets pass."""
        try:
            self._check()
        except JobCancelledError:
            return True
        return False

    @property
    def cancelled(self) -> bool:
        """Whether somebody wants the job to end for good: not so where it only stops here, to go on elsewhere."""
        return self._cancelled()

    def progress(self, phase: str, done: int | None = None, total: int | None = None, **figures: float) -> None:
        """Tell how far the job is. May be called often: a new phase and its end are written down at once, the rest
        when a second or more has gone by.

        Args:
            phase: What is being done.
            done: How many pieces of the phase are done.
            total: How many there are; the seconds left are estimated from both.
            **figures: What the job measures (``loss=0.3``); one that isn't finite is left out.
        """
        now = time.monotonic()
        if self._pace.enter(phase):
            happened(phase)
        seconds_left = self._pace.seconds_left(done, total, now)
        if not self._pace.due(done, total, now):
            return
        finite = {name: float(value) for name, value in figures.items() if math.isfinite(value)}
        told = JobProgress(phase=phase, done=done, total=total, seconds_left=seconds_left, figures=finite)
        self._write(partial(self._claim.progress, told))

    def log(self, text: str) -> None:
        """Write a line into the job's log, where everybody sees it who may read: no secrets, no images."""
        self._write(partial(self._claim.log, text[:_LONGEST_LINE]))

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except CatalogUnavailableError as error:  # hours of work are not lost for a line about them
            _log.warning("job_not_told", error=error.detail)
