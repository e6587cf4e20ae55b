"""Jobs: hand in, look at, wait for, cancel, retry."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from invariantselect.calls import Call, Flow, one, pause
from invariantselect.checking import body, checked, reader
from invariantselect.errors import (
    InvariantSelectError,
    JobCancelledError,
    TimedOutError,
    UnexpectedResponseError,
    error_from_problem,
)
from invariantselect.flows.paths import pool_path
from invariantselect.patience import Patience
from invariantselect.wire.jobs import (
    IdempotencyKey,
    ImportRequest,
    Job,
    JobEvent,
    JobId,
    JobList,
    JobLog,
    JobProgress,
    JobState,
    RebuildRequest,
)

__all__ = [
    "cancel_job",
    "events_path",
    "handed_in",
    "import_into",
    "job",
    "job_log",
    "job_path",
    "jobs",
    "rebuild",
    "retry_job",
    "wait_for_job",
]

_PAGE = 1000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0
_SHORTEST_WAIT_S = 2.0  # for an answer, where hardly any time is left


class _InPath(BaseModel):
    id: JobId


class _InHeader(BaseModel):
    idempotency_key: IdempotencyKey


def jobs(*, pool: str | None, kind: str | None, state: JobState | None, limit: int) -> Flow[list[Job]]:
    """Jobs, the newest first, fetched a page at a time."""
    given = {"pool": pool, "kind": kind, "state": state}
    params: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
    found: list[Job] = []
    cursor: str | None = None
    while len(found) < limit:
        params["limit"] = min(limit - len(found), _PAGE)
        if cursor is not None:
            params["cursor"] = cursor
        page = yield from one(Call("GET", "/v1/jobs", reader(JobList), repeatable=True, params=dict(params)))
        found += page.jobs
        if page.next_cursor is None:
            break
        if page.next_cursor == cursor:
            raise UnexpectedResponseError("the server answered a page whose next_cursor is the cursor asked for")
        cursor = page.next_cursor
    return found


def job(id: str) -> Flow[Job]:
    """One job."""
    return (yield from _job(id))


def _job(id: str, *, within_s: float | None = None) -> Flow[Job]:
    return (yield from one(Call("GET", job_path(id), reader(Job), repeatable=True, within_s=within_s)))


def job_log(id: str) -> Flow[list[JobEvent]]:
    """All that a job said."""
    lines: list[JobEvent] = []
    after: int | None = 0
    while after is not None:
        params = {"after": after} if after else {}
        page = yield from one(Call("GET", f"{job_path(id)}/log", reader(JobLog), repeatable=True, params=params))
        lines += page.lines
        if page.next_after is not None and page.next_after <= after:
            raise UnexpectedResponseError("the server answered a page of the log that leads back")
        after = page.next_after
    return lines


def events_path(id: str) -> str:
    """``/v1/jobs/{id}/events``.

    Raises:
        InvalidRequestError: No job can have this id.
    """
    return f"{job_path(id)}/events"


def cancel_job(id: str) -> Flow[Job]:
    """Cancel a job. Repeatable: twice is once."""
    return (yield from one(Call("POST", f"{job_path(id)}/cancel", reader(Job), repeatable=True)))


def retry_job(id: str, idempotency_key: str | None) -> Flow[Job]:
    """Retry a job. Repeatable: the key says that it is the same request."""
    return (yield from one(handed_in(f"{job_path(id)}/retry", None, idempotency_key)))


def rebuild(pool: str, recall: float | None, idempotency_key: str | None, *, keep_vectors: bool) -> Flow[Job]:
    """Hand in a rebuild; likewise. A server of before, which takes no body, gets none where nothing is chosen."""
    fields: dict[str, Any] = {} if recall is None else {"recall": recall}
    if keep_vectors:
        fields["keep_vectors"] = True
    content = body(checked(RebuildRequest, **fields)) if fields else None
    return (yield from one(handed_in(f"{pool_path(pool)}/rebuild", content, idempotency_key)))


def import_into(pool: str, source: str, encoder: str | None, idempotency_key: str | None) -> Flow[Job]:
    """Hand in an import; likewise."""
    fields: dict[str, Any] = {"source": source} if encoder is None else {"source": source, "encoder": encoder}
    request = checked(ImportRequest, **fields)
    return (yield from one(handed_in(f"{pool_path(pool)}/import", body(request), idempotency_key)))


def handed_in(path: str, content: bytes | None, idempotency_key: str | None) -> Call[Job]:
    """The call that hands in a job, or the same job again under the same key.

    Args:
        path: Where to.
        content: The request as JSON; None for none.
        idempotency_key: A new one for None.
    """
    key = checked(_InHeader, idempotency_key=idempotency_key or uuid.uuid4().hex).idempotency_key
    return Call("POST", path, reader(Job), repeatable=True, body=content, headers={"Idempotency-Key": key})


def wait_for_job(id: str, timeout: float | None, on_progress: Callable[[JobProgress], object] | None) -> Flow[Job]:
    """Ask for a job until it has ended, less and less often. A server that is away for a while is waited for."""
    began = yield from pause(0)
    seconds, last = _FIRST_PAUSE_S, None
    patience = Patience()
    while True:
        left = None if timeout is None else max(began + timeout - (yield from pause(0)), _SHORTEST_WAIT_S)
        try:
            now = yield from _job(id, within_s=left)
        except InvariantSelectError as error:
            at = yield from pause(0)
            if not patience.bears(error, at):
                raise
            if timeout is not None and at - began >= timeout:
                raise _waited(f"the server tells nothing of the job {id}", timeout) from error
            yield from pause(_LONGEST_PAUSE_S)
            continue
        patience.heard()
        if now.progress is not None and now.progress != last and on_progress is not None:
            on_progress(now.progress)
        last = now.progress
        if now.finished:
            return _ended_well(now)
        spent = (yield from pause(0)) - began
        if timeout is not None and spent >= timeout:
            raise _waited(f"the job {id} is {now.state}", timeout)
        yield from pause(seconds if timeout is None else min(seconds, timeout - spent))
        seconds = min(1.5 * seconds, _LONGEST_PAUSE_S)


def _waited(what: str, timeout: float) -> TimedOutError:
    return TimedOutError(
        f"{what} after {timeout:g} s of waiting", hint="It goes on without you: wait again, or cancel it."
    )


def _ended_well(ended: Job) -> Job:
    """A job that succeeded.

    Raises:
        InvariantSelectError: What its worker raised; `JobCancelledError` if it was cancelled.
    """
    if ended.state == "cancelled":
        raise JobCancelledError(f"the job {ended.id} was cancelled", job_id=ended.id)
    if ended.state == "failed":
        problem = ended.error or {}
        status = problem.get("status")
        error = error_from_problem(problem, status=status if isinstance(status, int) else 500)
        error.context.setdefault("job_id", ended.id)
        raise error
    return ended


def job_path(id: str) -> str:
    """``/v1/jobs/{id}``.

    Raises:
        InvalidRequestError: No job can have this id.
    """
    return f"/v1/jobs/{checked(_InPath, id=id).id}"
