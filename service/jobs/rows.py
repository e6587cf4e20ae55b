"""Statements on the table of jobs that anybody may make; those of the worker that runs a job are in `claims`."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, ScalarSelect, and_, insert, or_, select, update

from index.catalog.tables import pools
from invariantselect.errors import JobNotFoundError
from invariantselect.wire.jobs import Job, JobState
from service.jobs.clock import now_of, with_zone
from service.jobs.events import add_state
from service.tables import jobs
from service.tracing.at_hand import caller

__all__ = [
    "add",
    "cancel_now",
    "claimable",
    "find",
    "job_of",
    "key_of_name",
    "new_id",
    "page",
    "queue_again",
    "request_cancel",
    "unfinished",
]


def new_id() -> str:
    """An id that is greater than those made earlier: milliseconds since the epoch and 48 random bits, in hex."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def claimable(now: datetime, stale_seconds: float) -> ColumnElement[bool]:
    """Whether a worker may claim a job: it is queued, or its worker gave no sign of life for so long."""
    return or_(
        jobs.c.state == "queued",
        and_(jobs.c.state == "running", jobs.c.heartbeat_at < now - timedelta(seconds=stale_seconds)),
    )


def add(
    connection: Connection, id: str, *, kind: str, pool: str | None, request: str, idempotency_key: str | None
) -> None:
    """Queue a new job, in the trace of the request at hand."""
    connection.execute(
        insert(jobs).values(
            id=id,
            kind=kind,
            pool=pool,
            pool_key=key_of_name(pool),
            state="queued",
            request=request,
            attempt=0,
            takeovers=0,
            cancel_requested=False,
            idempotency_key=idempotency_key,
            traceparent=caller().get("traceparent"),
            created_at=now_of(connection),
        )
    )
    add_state(connection, id, 0, "queued")


def key_of_name(name: str | None) -> ScalarSelect[str]:
    """The key of the pool that has a name at the moment; null where there is none."""
    return select(pools.c.key).where(pools.c.name == name).scalar_subquery()


def find(connection: Connection, id: str) -> RowMapping:
    """The row of a job.

    Raises:
        JobNotFoundError: There is none.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == id)).one_or_none()
    if row is None:
        raise JobNotFoundError(f"there is no job {id[:64]!r}")
    return row._mapping


def page(
    connection: Connection,
    *,
    before: str | None,
    limit: int,
    pool: str | None = None,
    kind: str | None = None,
    state: JobState | None = None,
    among: Collection[str] | None = None,
) -> Sequence[RowMapping]:
    """Jobs, the newest first, older than one; only those about some pools, where these are given."""
    wanted = {"pool": pool, "kind": kind, "state": state}
    where = [jobs.c[name] == value for name, value in wanted.items() if value is not None]
    if before is not None:
        where.append(jobs.c.id < before)
    if among is not None:
        where.append(jobs.c.pool.in_(sorted(among)))
    return connection.execute(select(jobs).where(*where).order_by(jobs.c.id.desc()).limit(limit)).mappings().all()


def unfinished(connection: Connection, pool: str, key: str | None = None) -> list[str]:
    """Ids of the jobs of a pool that are queued or run; with a key, only of the pool that has it."""
    wanted = (jobs.c.pool == pool) & jobs.c.state.in_(("queued", "running"))
    if key is not None:
        wanted &= jobs.c.pool_key == key
    return list(connection.scalars(select(jobs.c.id).where(wanted)))


def cancel_now(connection: Connection, id: str, stale_seconds: float) -> bool:
    """Cancel a job that nobody runs; whether it was one."""
    done = connection.execute(
        update(jobs)
        .where(jobs.c.id == id, claimable(now_of(connection), stale_seconds))
        .values(state="cancelled", cancel_requested=True, finished_at=now_of(connection), worker=None)
    )
    if done.rowcount == 1:
        add_state(connection, id, find(connection, id)["attempt"], "cancelled")
    return done.rowcount == 1


def request_cancel(connection: Connection, id: str) -> bool:
    """Ask the worker that runs a job to stop; whether one runs it."""
    done = connection.execute(
        update(jobs).where(jobs.c.id == id, jobs.c.state == "running").values(cancel_requested=True)
    )
    return done.rowcount == 1


def queue_again(connection: Connection, id: str, retry_key: str | None) -> bool:
    """Queue a job that failed or was cancelled; whether it was one."""
    done = connection.execute(
        update(jobs)
        .where(jobs.c.id == id, jobs.c.state.in_(["failed", "cancelled"]))
        .values(
            state="queued",
            error=None,
            progress=None,
            cancel_requested=False,
            takeovers=0,
            worker=None,
            finished_at=None,
            retry_key=retry_key,
        )
    )
    if done.rowcount == 1:
        add_state(connection, id, find(connection, id)["attempt"], "queued")
    return done.rowcount == 1


def job_of(row: RowMapping) -> Job:
    """A job as it is told over the wire."""
    return Job(
        id=row["id"],
        kind=row["kind"],
        pool=row["pool"],
        state=row["state"],
        request=json.loads(row["request"]),
        result=_loaded(row["result"]),
        error=_loaded(row["error"]),
        progress=_loaded(row["progress"]),
        attempt=row["attempt"],
        worker=row["worker"],
        cancel_requested=row["cancel_requested"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        started_at=with_zone(row["started_at"]),
        heartbeat_at=with_zone(row["heartbeat_at"]),
        finished_at=with_zone(row["finished_at"]),
    )


def _loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)
