"""What only the worker that holds a job may say of it. Each statement is one UPDATE that asks whether it still does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, select, update

from index.catalog.engine import Catalog
from invariantselect.wire.jobs import Job, JobProgress, JobState
from service.jobs.clock import now_of
from service.jobs.events import add_event, add_state, times_in
from service.jobs.rows import claimable, find, job_of
from service.tables import jobs

__all__ = ["Claim", "Standing", "claim"]

Standing = Literal["held", "cancel_requested", "lost"]


@dataclass(frozen=True)
class Claim:
    """A job in the hands of a worker.

    Attributes:
        store: Where the tables are.
        job: The job as it was claimed.
        worker: Who holds it.
        takeovers: How often a worker died over it before.
        traceparent: The trace that it belongs to; None where it wasn't traced.
        pool_key: Of the pool that it is about; None where there was none of its name yet.
    """

    store: Catalog
    job: Job
    worker: str
    takeovers: int
    traceparent: str | None = None
    pool_key: str | None = None

    def standing(self) -> Standing:
        """Whether it is still held, and whether somebody wants it cancelled."""
        statement = select(jobs.c.cancel_requested).where(self._mine())
        with self.store.reading() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return "lost"
        return "cancel_requested" if row.cancel_requested else "held"

    def beat(self) -> bool:
        """Give a sign of life; False when the job is not held any more."""
        with self.store.writing() as connection:
            done = connection.execute(update(jobs).where(self._mine()).values(heartbeat_at=now_of(connection)))
        return done.rowcount == 1

    def is_about(self, pool_key: str) -> None:
        """Write down which pool it has made."""
        with self.store.writing() as connection:
            connection.execute(update(jobs).where(self._mine()).values(pool_key=pool_key))

    def retries(self) -> int:
        """How often somebody retried it: as often as it had come to an end before."""
        with self.store.reading() as connection:
            return times_in(connection, self.job.id, ("failed", "cancelled"))

    def progress(self, progress: JobProgress) -> None:
        """Write down how far it is, which is a sign of life too."""
        data = progress.model_dump(mode="json")
        with self.store.writing() as connection:
            values = {"progress": json.dumps(data), "heartbeat_at": now_of(connection)}
            done = connection.execute(update(jobs).where(self._mine()).values(values))
            if done.rowcount == 1:
                add_event(connection, self.job.id, self.job.attempt, "progress", {"progress": data})

    def log(self, text: str) -> None:
        """Write down something that the job has to say."""
        with self.store.writing() as connection:
            done = connection.execute(update(jobs).where(self._mine()).values(heartbeat_at=now_of(connection)))
            if done.rowcount == 1:
                add_event(connection, self.job.id, self.job.attempt, "log", {"text": text})

    def succeed(self, result: Mapping[str, Any]) -> bool:
        """End well; False, and nothing is written, when the job is not held any more."""
        return self._end("succeeded", result=json.dumps(result, default=str))

    def fail(self, problem: Mapping[str, Any]) -> bool:
        """End with a problem document; likewise."""
        return self._end("failed", error=json.dumps(problem, default=str))

    def cancel(self) -> bool:
        """End because somebody wanted it; likewise."""
        return self._end("cancelled")

    def release(self) -> bool:
        """Put it back into the queue for another worker; likewise."""
        return self._leave("queued", worker=None)

    def put_off(self) -> bool:
        """Put it back into the queue as one over which a worker died would be, with the same patience; likewise."""
        return self._leave("queued", worker=None, takeovers=jobs.c.takeovers + 1)

    def _end(self, state: JobState, **values: Any) -> bool:
        return self._leave(state, ended=True, **values)

    def _leave(self, state: JobState, *, ended: bool = False, **values: Any) -> bool:
        with self.store.writing() as connection:
            if ended:
                values["finished_at"] = now_of(connection)
            done = connection.execute(update(jobs).where(self._mine()).values(state=state, **values))
            if done.rowcount == 1:
                add_state(connection, self.job.id, self.job.attempt, state)
        return done.rowcount == 1

    def _mine(self) -> ColumnElement[bool]:
        return and_(
            jobs.c.id == self.job.id,
            jobs.c.state == "running",
            jobs.c.worker == self.worker,
            jobs.c.attempt == self.job.attempt,
        )


def claim(store: Catalog, id: str, worker: str, stale_seconds: float) -> Claim | None:
    """Take a job, if nobody has it and it isn't done: of all who try at once, one gets it.

    Args:
        store: Where the tables are.
        id: Of the job; one that doesn't exist is nobody's to take.
        worker: Who takes it; no two workers have the same name.
        stale_seconds: After how long without a sign of life a worker counts as dead.
    """
    with store.writing() as connection:
        now = now_of(connection)
        done = connection.execute(
            update(jobs)
            .where(jobs.c.id == id, claimable(now, stale_seconds))
            .values(
                state="running",
                worker=worker,
                attempt=jobs.c.attempt + 1,
                takeovers=jobs.c.takeovers + case((jobs.c.state == "running", 1), else_=0),
                heartbeat_at=now,
                started_at=case((jobs.c.started_at.is_(None), now), else_=jobs.c.started_at),
            )
        )
        if done.rowcount != 1:
            return None
        row = find(connection, id)
        add_state(connection, id, row["attempt"], "running")
        return Claim(store, job_of(row), worker, row["takeovers"], row["traceparent"], row["pool_key"])
