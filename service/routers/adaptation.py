"""Adapting a pool's encoder: hand it in, look at the encoder versions, go back, discard one."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Path, Response

from invariantselect.errors import (
    EncoderNotFoundError,
    EncoderUnavailableError,
    EncoderVersionInUseError,
    EncoderVersionNotFoundError,
    FingerprintMismatchError,
    IdempotencyKeyReusedError,
    PoolNotAdaptedError,
)
from invariantselect.wire.adaptation import AdaptRequest, EncoderVersionList, RollbackRequest
from invariantselect.wire.jobs import Job
from service.access.audit_trail import WithRecord
from service.access.scoped import READ, WRITE
from service.discard import discard
from service.http import examples
from service.http.bodies import JsonBody
from service.http.openapi import OF_A_POOL, json_request, problems
from service.pool_info import version_list
from service.rollback import roll_back
from service.routers.parameters import IdempotencyHeader, Pool, WithServices

router = APIRouter(tags=["adaptation"])

Version: TypeAlias = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the version.", examples=[2])]


@router.post(
    "/v1/pools/{pool}/adapt",
    summary="Adapt a pool's encoder",
    status_code=202,
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, IdempotencyKeyReusedError, body=True),
    openapi_extra=json_request(AdaptRequest, examples.ADAPT),
    operation_id="adapt_pool",
)
async def adapt_pool(
    pool: Pool,
    sent: Annotated[AdaptRequest, Depends(JsonBody(AdaptRequest))],
    services: WithServices,
    *,
    record: WithRecord,
    response: Response,
    idempotency_key: IdempotencyHeader = None,
) -> Job:
    """A job that makes a new encoder version and lets it serve if validation finds that it helps; its `result` is an
    AdaptationResult. The pool is searched and written meanwhile."""

    def submit() -> Job:
        services.pools.open(pool)
        return services.jobs.submit("adapt", sent, pool=pool, idempotency_key=idempotency_key)

    job = await services.writes.run(submit)
    record.tell(job=job.id)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get(
    "/v1/pools/{pool}/encoders",
    summary="List a pool's encoder versions",
    dependencies=[Depends(READ)],
    responses=problems(*OF_A_POOL),
    operation_id="list_encoder_versions",
)
def list_encoder_versions(pool: Pool, services: WithServices) -> EncoderVersionList:
    """Each with its state, where it comes from, and the whole report of its validation."""
    return version_list(services.pools.open(pool))


@router.post(
    "/v1/pools/{pool}/rollback",
    summary="Go back to an earlier encoder version",
    dependencies=[Depends(WRITE)],
    responses=problems(
        *OF_A_POOL,
        PoolNotAdaptedError,
        EncoderVersionNotFoundError,
        EncoderNotFoundError,
        EncoderUnavailableError,
        FingerprintMismatchError,
        body=True,
    ),
    openapi_extra=json_request(RollbackRequest, examples.ROLLBACK),
    operation_id="roll_back",
)
async def rollback(
    pool: Pool,
    sent: Annotated[RollbackRequest, Depends(JsonBody(RollbackRequest))],
    services: WithServices,
    record: WithRecord,
) -> EncoderVersionList:
    """The version serves when this answers; what was written since it last served is encoded before. Queries go on
    meanwhile, with the version that serves until then."""

    def switch() -> EncoderVersionList:
        found = services.pools.open(pool)
        record.tell(version=roll_back(found, services.recode_for(found), sent.to))
        return version_list(found)

    return await services.writes.run(switch)


@router.delete(
    "/v1/pools/{pool}/encoders/{version}",
    summary="Discard an encoder version",
    status_code=204,
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, EncoderVersionNotFoundError, EncoderVersionInUseError),
    operation_id="discard_encoder_version",
)
async def discard_encoder_version(pool: Pool, version: Version, services: WithServices, record: WithRecord) -> None:
    """Remove a version that doesn't serve: what it learnt, and its vectors, maybe gigabytes. It can't be undone."""
    store = services.settings.data / "encoders"
    await services.writes.run(lambda: discard(services.pools.open(pool), version, store))
    record.tell(version=version)
