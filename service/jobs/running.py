"""One job from its claim to its end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from index.catalog.engine import Catalog
from invariantselect.errors import (
    CatalogUnavailableError,
    InternalError,
    InvariantSelectError,
    JobAbandonedError,
    JobCancelledError,
)
from service.http.discreet import discreet
from service.jobs.claims import Claim, claim
from service.jobs.context import JobContext
from service.jobs.kind import JobKind
from service.jobs.watch import Verdict, Watch
from service.services import Services
from service.storage_failures import storage_failure
from service.tracing.at_hand import note
from service.tracing.jobs import traced_job

__all__ = ["Runner", "checkpoints"]

_log = structlog.get_logger("service.jobs")

_MOST_TAKEOVERS = 3
_PAUSE_SECONDS = 0.5


def checkpoints(data: Path, job: str) -> Path:
    """The folder in which a job keeps what it wants to find again."""
    return data / "jobs" / job


class Runner:
    """Runs jobs, one after another, for one worker.

    Args:
        services: What the jobs work with.
        store: Where the tables are.
        kinds: What can be run, by name.
        worker: Who this is; no two workers have the same name.
        stopping: Whether this worker was told to stop: a job that runs is then put back into the queue.
        put_back: Called with the id of a job that was.
    """

    def __init__(
        self,
        services: Services,
        store: Catalog,
        kinds: Mapping[str, JobKind[Any]],
        *,
        worker: str,
        stopping: Callable[[], bool],
        put_back: Callable[[str], object],
    ) -> None:
        self._services = services
        self._store = store
        self._kinds = kinds
        self._worker = worker
        self._stopping = stopping
        self._put_back = put_back

    def run(self, id: str) -> bool:
        """Do a job, if it is to be had; whether it was.

        Raises:
            CatalogUnavailableError: The table doesn't answer. What was running is taken over by whoever finds it.
        """
        stale = self._services.settings.job_stale_seconds
        claimed = claim(self._store, id, self._worker, stale)
        if claimed is None:
            return False
        job = claimed.job
        told = {"job": id, "kind": job.kind, "pool": job.pool, "attempt": job.attempt}
        with traced_job(self._services.traces, claimed), structlog.contextvars.bound_contextvars(**told):
            _log.info("job_begun")
            if claimed.takeovers > _MOST_TAKEOVERS:
                died = f"its workers died {claimed.takeovers} times while they ran it"
                self._fail(claimed, JobAbandonedError(died))
                return True
            if job.cancel_requested:  # of a worker that died or stopped before it could obey
                claimed.cancel()
                return True
            with Watch(claimed, stale, self._stopping) as watch:
                self._settle(claimed, watch)
        return True

    def _settle(self, claimed: Claim, watch: Watch) -> None:
        folder = checkpoints(self._services.settings.data, claimed.job.id)
        try:
            result = self._result(claimed, folder, watch)
        except JobCancelledError as stopped:
            self._stop(claimed, watch.verdict, stopped)
        except CatalogUnavailableError as error:
            self._put_off(claimed, error)
        except InvariantSelectError as error:
            self._fail(claimed, error)
        except Exception as error:  # noqa: BLE001 -- a defect of one job mustn't end the worker of the others
            refused = storage_failure(error)
            if refused is None:
                _log.exception("job_defect")
            self._fail(claimed, refused or InternalError(f"the job failed with {type(error).__name__}"))
        else:
            if claimed.succeed(result):
                shutil.rmtree(folder, ignore_errors=True)
                _log.info("job_succeeded")
                note({"job.outcome": "succeeded"})
            else:
                _log.warning("job_lost", consequence="another worker has it; what this one did is not recorded")

    def _result(self, claimed: Claim, folder: Path, watch: Watch) -> dict[str, Any]:
        watch.check()
        kind = self._kinds.get(claimed.job.kind)
        if kind is None:
            raise InternalError(
                f"this worker knows no jobs of kind {claimed.job.kind!r}",
                hint="Run workers of the server's version, then retry the job.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        context = JobContext(self._services, folder, claimed, watch.check, lambda: watch.verdict == "cancel_requested")
        return kind.run(context, kind.request.model_validate(claimed.job.request))

    def _stop(self, claimed: Claim, verdict: Verdict | None, stopped: JobCancelledError) -> None:
        _log.info("job_stopped", reason=verdict or stopped.detail)
        note({"job.outcome": verdict or "stopped"})
        if verdict == "stopping":
            if claimed.release():
                self._put_back(claimed.job.id)
        elif verdict != "lost":
            claimed.cancel()

    def _put_off(self, claimed: Claim, error: CatalogUnavailableError) -> None:
        """What is a server comes back, and the job goes on from its checkpoints; a full disk stays full."""
        remote = self._store.remote or self._services.settings.images_url is not None
        if not remote or claimed.takeovers >= _MOST_TAKEOVERS:
            self._fail(claimed, error)
            return
        _log.warning("job_put_off", error=error.detail)
        note({"job.outcome": "put_off"})
        until = time.monotonic() + self._services.settings.job_stale_seconds  # then others find it by themselves
        while True:
            try:
                if claimed.put_off():
                    self._put_back(claimed.job.id)
            except CatalogUnavailableError:
                if self._stopping() or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _fail(self, claimed: Claim, error: InvariantSelectError) -> None:
        _log.warning("job_failed", error=error.detail, code=error.code)
        note({"job.outcome": "failed", "error.type": error.code}, failed=error.status >= 500)
        claimed.fail(discreet(error.to_problem(), self._services.settings))
