"""What happened to a job, numbered from 1, so that whoever lost the thread can take it up again.

Without a gap, until progress and logs of a job that ended long ago are forgotten (`service.jobs.sweeping`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, func, insert, select

from invariantselect.wire.jobs import JobEvent, JobState
from service.jobs.clock import now_of
from service.tables import job_events

__all__ = ["add_event", "add_state", "events_after", "times_in"]

EventName = Literal["state", "progress", "log"]


def add_event(connection: Connection, job: str, attempt: int, event: EventName, data: Mapping[str, Any]) -> None:
    """Write down that something happened. The caller's transaction has changed the job's row before: so two writers
    take turns, and no number is given twice."""
    last = select(func.coalesce(func.max(job_events.c.number), 0)).where(job_events.c.job_id == job)
    connection.execute(
        insert(job_events).values(
            job_id=job,
            number=connection.execute(last).scalar_one() + 1,
            at=now_of(connection),
            attempt=attempt,
            event=event,
            data=json.dumps(data),
        )
    )


def add_state(connection: Connection, job: str, attempt: int, state: JobState) -> None:
    """Write down that a job changed its state."""
    add_event(connection, job, attempt, "state", {"state": state})


def times_in(connection: Connection, job: str, states: Sequence[JobState]) -> int:
    """How often a job has come into one of these states."""
    data = [json.dumps({"state": state}) for state in states]
    where = (job_events.c.job_id == job, job_events.c.event == "state", job_events.c.data.in_(data))
    return connection.execute(select(func.count()).select_from(job_events).where(*where)).scalar_one()


def events_after(
    connection: Connection, job: str, after: int, limit: int, event: EventName | None = None
) -> list[JobEvent]:
    """What happened behind a number, oldest first.

    Args:
        connection: A transaction.
        job: Id of the job.
        after: Number of the last event that is known; 0 for none.
        limit: How many at most.
        event: Only these; all when None.
    """
    where = [job_events.c.job_id == job, job_events.c.number > after]
    if event is not None:
        where.append(job_events.c.event == event)
    statement = select(job_events).where(*where).order_by(job_events.c.number).limit(limit)
    return [_event_of(row) for row in connection.execute(statement).mappings()]


def _event_of(row: RowMapping) -> JobEvent:
    told = {name: row[name] for name in ("number", "event", "attempt")}
    return JobEvent.model_validate({**json.loads(row["data"]), **told, "at": f"{row['at'].isoformat()}Z"})
