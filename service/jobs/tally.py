"""Figures of all jobs for those who watch a server, from the table: so workers need no address at which to be asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from service.jobs.clock import now_of
from service.tables import job_events, jobs

__all__ = ["Ended", "JobTally", "Standing"]

_LATE = timedelta(seconds=60)  # by so much a job's end may be committed after it was dated


@dataclass(frozen=True)
class Ended:
    """A job that has come to an end: its kind, how it ended, and the seconds since it was begun first."""

    kind: str
    state: str
    seconds: float


@dataclass(frozen=True)
class Standing:
    """How all jobs stand.

    Attributes:
        counts: How many there are, by kind and state.
        ended: Those that ended since the look before.
        longest_wait: Seconds since the job was queued that waits longest; 0 for none.
    """

    counts: Mapping[tuple[str, str], int]
    ended: Sequence[Ended]
    longest_wait: float


class JobTally:
    """Looks at the table of jobs again and again; what ended before the first look isn't told. Not thread-safe."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._until: datetime | None = None
        self._told: set[tuple[str, datetime]] = set()

    def look(self, connection: Connection) -> Standing:
        """How the jobs stand now."""
        now = now_of(connection)
        counted = select(jobs.c.kind, jobs.c.state, func.count()).group_by(jobs.c.kind, jobs.c.state)
        counts = {(kind, state): count for kind, state, count in connection.execute(counted)}
        standing = Standing(counts, self._ended(connection, now), _longest_wait(connection, now))
        self._until = now
        return standing

    def _ended(self, connection: Connection, now: datetime) -> list[Ended]:
        began = now - timedelta(seconds=time.monotonic() - self._began)
        since = began if self._until is None else max(self._until - _LATE, began)
        found = connection.execute(select(jobs).where(jobs.c.finished_at > since)).all()
        new = [row for row in found if (row.id, row.finished_at) not in self._told]
        self._told = {(row.id, row.finished_at) for row in found}
        return [Ended(row.kind, row.state, _seconds(row.started_at, row.finished_at)) for row in new]


def _seconds(started: datetime | None, finished: datetime) -> float:
    """A job that was cancelled before a worker had it took no time."""
    return 0.0 if started is None else max((finished - started).total_seconds(), 0.0)


def _longest_wait(connection: Connection, now: datetime) -> float:
    queued = select(jobs.c.id).where(jobs.c.state == "queued")
    last = (
        select(func.max(job_events.c.at).label("at"))
        .where(job_events.c.job_id.in_(queued), job_events.c.event == "state")
        .group_by(job_events.c.job_id)
        .subquery()
    )
    oldest = connection.execute(select(func.min(last.c.at))).scalar_one()
    return 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
