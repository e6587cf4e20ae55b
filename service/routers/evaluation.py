"""Evaluating the selection on a pool: hand it in, fetch the report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from invariantselect.errors import (
    IdempotencyKeyReusedError,
    JobNotFoundError,
    LearnerDisabledError,
    ReportNotFoundError,
)
from invariantselect.wire.evaluation import EvaluateRequest, ReportFile
from invariantselect.wire.jobs import Job
from service.access.audit_trail import WithRecord
from service.access.scoped import READ, WRITE
from service.http import examples
from service.http.bodies import JsonBody
from service.http.model_asked import check_allowed
from service.http.openapi import OF_A_POOL, json_request, problems
from service.jobs.evaluating import report_folder
from service.routers.jobs import OneJob
from service.routers.parameters import IdempotencyHeader, Pool, WithServices

router = APIRouter(tags=["evaluation"])

_MEDIA_TYPES: dict[ReportFile, str] = {
    "report.html": "text/html; charset=utf-8",
    "report.json": "application/json",
    "answers.csv": "text/csv; charset=utf-8",
}
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
    # Words and pictures in it come from a pool, so from anybody: it may show itself and load, send or run nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.post(
    "/v1/pools/{pool}/evaluate",
    summary="Evaluate the selection on a pool",
    status_code=202,
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, LearnerDisabledError, IdempotencyKeyReusedError, body=True),
    openapi_extra=json_request(EvaluateRequest, examples.EVALUATE),
    operation_id="evaluate_pool",
)
async def evaluate_pool(
    pool: Pool,
    sent: Annotated[EvaluateRequest, Depends(JsonBody(EvaluateRequest))],
    services: WithServices,
    *,
    record: WithRecord,
    response: Response,
    idempotency_key: IdempotencyHeader = None,
) -> Job:
    """A job that asks learners, from demonstrations of each strategy, and reports how well they answer; its `result` is
    an EvaluationResult. The pool is searched and written meanwhile."""

    def submit() -> Job:
        services.pools.open(pool)
        check_allowed(sent.lmm, services.settings)  # refused now rather than by the worker
        return services.jobs.submit("evaluate", sent, pool=pool, idempotency_key=idempotency_key)

    job = await services.writes.run(submit)
    record.tell(job=job.id)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get(
    "/v1/jobs/{job_id}/report/{file}",
    summary="Fetch a file of an evaluation's report",
    dependencies=[Depends(READ)],
    response_class=FileResponse,
    responses={
        **problems(JobNotFoundError, ReportNotFoundError),
        200: {
            "description": "The page, its figures, or every answer.",
            "content": {
                "text/html": {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
    },
    operation_id="get_report",
)
def get_report(
    job_id: OneJob,
    file: Annotated[ReportFile, InPath(description="Which file: the page, all figures, or every answer.")],
    services: WithServices,
) -> Response:
    """The report of an evaluation that succeeded."""
    job = services.jobs.get(job_id)
    folder = report_folder(services.settings.data, job.id) if job.state == "succeeded" else None
    if folder is None or not (folder / file).is_file():
        raise ReportNotFoundError(f"the job {job_id} has no {file}")
    return FileResponse(folder / file, media_type=_MEDIA_TYPES[file], headers=_HEADERS)
