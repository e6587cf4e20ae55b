"""Jobs: list, look at, follow, read the log, cancel, retry."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from invariantselect.errors import InvalidCursorError, JobNotFoundError, JobStateError, OverloadedError
from invariantselect.wire.base import PoolName
from invariantselect.wire.jobs import Job, JobId, JobList, JobLog, JobState
from service.access.audit_trail import WithRecord
from service.access.caller import WithCaller
from service.access.scoped import READ, WRITE, still_admitted
from service.http.cursors import cursor_after, read_cursor
from service.http.openapi import problems
from service.jobs.streaming import stream
from service.routers.parameters import IdempotencyHeader, WithServices

router = APIRouter(tags=["jobs"])

OneJob = Annotated[JobId, Path(description="Id of the job.", examples=["0192f3a4b5c60123456789ab"])]

_LINES_AT_ONCE = 1000


@router.get(
    "/v1/jobs",
    summary="Page through jobs",
    dependencies=[Depends(READ)],
    responses=problems(InvalidCursorError),
    operation_id="list_jobs",
)
def list_jobs(
    services: WithServices,
    caller: WithCaller,
    *,
    pool: Annotated[PoolName | None, Query(description="Only those about this pool.")] = None,
    kind: Annotated[str | None, Query(max_length=32, description="Only those of this kind.")] = None,
    state: Annotated[JobState | None, Query(description="Only those in this state.")] = None,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> JobList:
    """Jobs, the newest first; of a key that is limited to some pools, those about them."""
    before = None if cursor is None else read_cursor(cursor)
    found = services.jobs.page(before=before, limit=limit + 1, pool=pool, kind=kind, state=state, pools=caller.pools)
    shown = found[:limit]
    return JobList(jobs=shown, next_cursor=cursor_after(shown[-1].id) if len(found) > limit else None)


@router.get(
    "/v1/jobs/{job_id}",
    summary="Look at a job",
    dependencies=[Depends(READ)],
    responses=problems(JobNotFoundError),
    operation_id="get_job",
)
def get_job(job_id: OneJob, services: WithServices) -> Job:
    """Its state, how far it is, and what came of it."""
    return services.jobs.get(job_id)


class EventStream(StreamingResponse):
    """Server-sent events; the client takes a place among the app's followers."""

    media_type = "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what happens, if there is a place."""
        with scope["app"].state.followers.place():
            await super().__call__(scope, receive, send)


@router.get(
    "/v1/jobs/{job_id}/events",
    summary="Follow a job",
    dependencies=[Depends(READ)],
    response_class=EventStream,
    responses={
        **problems(JobNotFoundError, OverloadedError),
        200: {
            "description": "Events `state`, `progress` and `log`; the data of each is a JobEvent. An event `closing` "
            "says that the server stops, not the job: connect again.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "The job has ended and you know its last event: don't connect again."},
    },
    operation_id="follow_job",
)
async def follow_job(
    job_id: OneJob,
    services: WithServices,
    request: Request,
    last_event_id: Annotated[
        str, Header(pattern=r"^[0-9]{1,9}$", description="Number of the last event that you have.")
    ] = "0",
) -> Response:
    """Server-sent events: all that has happened to the job, and what happens, until it ends.

    After a lost connection send the id of the last event as `Last-Event-ID`, as browsers do by themselves: the stream
    goes on behind it, with nothing left out or told twice. It ends within seconds of the key's end.
    """
    after = int(last_event_id)

    def is_over() -> bool:
        finished = services.jobs.get(job_id).finished  # asked first: then its last event is there
        return finished and not services.jobs.events(job_id, after=after, limit=1)

    if await run_in_threadpool(is_over):
        return Response(status_code=204)
    closing, admitted = request.app.state.closing.is_set, partial(still_admitted, request)
    events = stream(services.jobs, job_id, after, closing, admitted)
    return EventStream(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


@router.get(
    "/v1/jobs/{job_id}/log",
    summary="Read a job's log",
    dependencies=[Depends(READ)],
    responses=problems(JobNotFoundError),
    operation_id="get_job_log",
)
def get_job_log(
    job_id: OneJob,
    services: WithServices,
    after: Annotated[int, Query(ge=0, le=10**9, description="`next_after` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_LINES_AT_ONCE, description="How many lines at most.")] = _LINES_AT_ONCE,
) -> JobLog:
    """What the job said, of all its attempts, oldest first."""
    found = services.jobs.events(job_id, after=after, limit=limit + 1, event="log")
    lines = found[:limit]
    return JobLog(lines=lines, next_after=lines[-1].number if len(found) > limit else None)


@router.post(
    "/v1/jobs/{job_id}/cancel",
    summary="Cancel a job",
    dependencies=[Depends(WRITE)],
    responses=problems(JobNotFoundError, JobStateError),
    operation_id="cancel_job",
)
async def cancel_job(job_id: OneJob, services: WithServices, record: WithRecord) -> Job:
    """A queued job is cancelled at once, a running one stops within seconds. Cancelling twice is cancelling once."""

    def cancel() -> Job:
        record.pool = services.jobs.get(job_id).pool
        record.tell(job=job_id)
        return services.jobs.cancel(job_id)

    return await services.writes.run(cancel)


@router.post(
    "/v1/jobs/{job_id}/retry",
    summary="Retry a job",
    status_code=202,
    dependencies=[Depends(WRITE)],
    responses=problems(JobNotFoundError, JobStateError),
    operation_id="retry_job",
)
async def retry_job(
    job_id: OneJob, services: WithServices, record: WithRecord, idempotency_key: IdempotencyHeader = None
) -> Job:
    """A job that failed or was cancelled is queued again, and goes on from its last checkpoint."""

    def retry() -> Job:
        record.pool = services.jobs.get(job_id).pool
        record.tell(job=job_id)
        return services.jobs.retry(job_id, idempotency_key=idempotency_key)

    return await services.writes.run(retry)
