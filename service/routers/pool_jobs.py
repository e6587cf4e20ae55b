"""Jobs about a pool: rebuild it, import into it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from invariantselect.errors import (
    DatasetUnsupportedError,
    IdempotencyKeyReusedError,
    ImportDisabledError,
    PoolNotFoundError,
)
from invariantselect.wire.jobs import ImportRequest, Job, RebuildRequest
from service.access.audit_trail import WithRecord
from service.access.scoped import WRITE
from service.http import examples
from service.http.bodies import JsonBody
from service.http.openapi import OF_A_POOL, json_request, problems
from service.jobs.import_root import below_import_root
from service.routers.parameters import IdempotencyHeader, Pool, WithServices

router = APIRouter(tags=["jobs"])


@router.post(
    "/v1/pools/{pool}/rebuild",
    summary="Rebuild a pool",
    status_code=202,
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, IdempotencyKeyReusedError, body=True),
    openapi_extra=json_request(RebuildRequest, examples.REBUILD, required=False),
    operation_id="rebuild_pool",
)
async def rebuild_pool(
    pool: Pool,
    sent: Annotated[RebuildRequest, Depends(JsonBody(RebuildRequest, absent=RebuildRequest()))],
    services: WithServices,
    *,
    record: WithRecord,
    response: Response,
    idempotency_key: IdempotencyHeader = None,
) -> Job:
    """A job that makes all vectors anew from the images, or keeps them, and what they are searched by. The pool is
    searched and written meanwhile. No body is the same as an empty one."""

    def submit() -> Job:
        services.pools.open(pool)
        return services.jobs.submit("rebuild", sent, pool=pool, idempotency_key=idempotency_key)

    job = await services.writes.run(submit)
    record.tell(job=job.id)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.post(
    "/v1/pools/{pool}/import",
    summary="Import images that the server has",
    status_code=202,
    dependencies=[Depends(WRITE)],
    responses=problems(
        PoolNotFoundError, ImportDisabledError, DatasetUnsupportedError, IdempotencyKeyReusedError, body=True
    ),
    openapi_extra=json_request(ImportRequest, examples.IMPORT),
    operation_id="import_into_pool",
)
async def import_into_pool(
    pool: Pool,
    sent: Annotated[ImportRequest, Depends(JsonBody(ImportRequest))],
    services: WithServices,
    *,
    record: WithRecord,
    response: Response,
    idempotency_key: IdempotencyHeader = None,
) -> Job:
    """A job that takes labelled images from below the server's import root into a pool, which is made if it is new.

    A key that is limited to other pools gets 404."""

    def submit() -> Job:
        below_import_root(services.settings.import_root, sent.source)  # refused now rather than by the worker
        return services.jobs.submit("import", sent, pool=pool, idempotency_key=idempotency_key)

    job = await services.writes.run(submit)
    record.tell(job=job.id)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job
