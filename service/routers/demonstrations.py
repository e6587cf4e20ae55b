"""Stored demonstrations: page through, fetch, change, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool

from index.demonstration import Changes
from index.pool import Pool as StoredPool
from invariantselect.errors import (
    DemonstrationInvalidError,
    DemonstrationNotFoundError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    EncoderVersionChangedError,
    FingerprintMismatchError,
    InvalidCursorError,
)
from invariantselect.wire.demonstrations import (
    BatchOutcome,
    DeleteRequest,
    Demonstration,
    DemonstrationList,
    DemonstrationPage,
    DemonstrationPatch,
    GetRequest,
    RelabelRequest,
)
from service.access.audit_trail import WithRecord
from service.access.scoped import READ, WRITE
from service.http import examples
from service.http.bodies import JsonBody
from service.http.cursors import cursor_after, read_cursor
from service.http.openapi import OF_A_POOL, json_request, problems
from service.routers.parameters import DemonstrationId, Pool, WithServices
from service.stored import batch_outcome, counts, demonstration, outcome

router = APIRouter(tags=["demonstrations"])

_LIST = "/v1/pools/{pool}/demonstrations"
_ONE = "/v1/pools/{pool}/demonstrations/{id:path}"


@router.get(
    _LIST,
    summary="Page through demonstrations",
    dependencies=[Depends(READ)],
    responses=problems(*OF_A_POOL, InvalidCursorError),
    operation_id="list_demonstrations",
)
def list_demonstrations(
    pool: Pool,
    services: WithServices,
    cursor: Annotated[
        str | None, Query(max_length=2800, description="`next_cursor` of the page before, unchanged.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> DemonstrationPage:
    """Demonstrations in the order of their ids. What is written while you page is seen if its id is still to come."""
    after = None if cursor is None else read_cursor(cursor)
    found = services.pools.open(pool).page(after, limit + 1)
    shown = found[:limit]
    return DemonstrationPage(
        demonstrations=[demonstration(pool, each) for each in shown],
        next_cursor=cursor_after(shown[-1].id) if len(found) > limit else None,
    )


@router.post(
    f"{_LIST}:get",
    summary="Fetch demonstrations by id",
    dependencies=[Depends(READ)],
    responses=problems(*OF_A_POOL, body=True),
    openapi_extra=json_request(GetRequest, examples.GET),
    operation_id="get_demonstrations",
)
async def get_demonstrations(
    pool: Pool, sent: Annotated[GetRequest, Depends(JsonBody(GetRequest))], services: WithServices
) -> DemonstrationList:
    """Those that exist, in the order asked for, and the ids that don't."""

    def fetch() -> DemonstrationList:
        found = services.pools.open(pool).get(sent.ids)
        return DemonstrationList(
            demonstrations=[demonstration(pool, each) for each in found if each is not None],
            missing=[id for id, each in zip(sent.ids, found, strict=True) if each is None],
        )

    return await run_in_threadpool(fetch)


@router.post(
    f"{_LIST}:relabel",
    summary="Give demonstrations new labels",
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, body=True),
    openapi_extra=json_request(RelabelRequest, examples.RELABEL),
    operation_id="relabel_demonstrations",
)
async def relabel_demonstrations(
    pool: Pool,
    sent: Annotated[RelabelRequest, Depends(JsonBody(RelabelRequest))],
    services: WithServices,
    record: WithRecord,
) -> BatchOutcome:
    """Each is updated or unchanged; an id that doesn't exist fails alone. Images and vectors stay."""

    def relabel() -> BatchOutcome:
        stored = services.pools.open(pool)
        done = stored.patch({id: Changes(label=label) for id, label in sent.labels.items()})
        record.tell(**counts(done))
        return batch_outcome(stored, [outcome(each) for each in done])

    return await services.writes.run(relabel)


@router.post(
    f"{_LIST}:delete",
    summary="Delete demonstrations by id",
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, body=True),
    openapi_extra=json_request(DeleteRequest, examples.DELETE),
    operation_id="delete_demonstrations",
)
async def delete_demonstrations(
    pool: Pool,
    sent: Annotated[DeleteRequest, Depends(JsonBody(DeleteRequest))],
    services: WithServices,
    record: WithRecord,
) -> BatchOutcome:
    """Each is deleted; an id that doesn't exist fails alone."""

    def delete() -> BatchOutcome:
        stored = services.pools.open(pool)
        done = stored.delete(sent.ids)
        record.tell(**counts(done))
        return batch_outcome(stored, [outcome(each) for each in done])

    return await services.writes.run(delete)


@router.get(
    _ONE,
    summary="Fetch a demonstration",
    dependencies=[Depends(READ)],
    responses=problems(*OF_A_POOL, DemonstrationNotFoundError),
    operation_id="get_demonstration",
)
def get_demonstration(pool: Pool, id: DemonstrationId, services: WithServices) -> Demonstration:
    """Its label, domain, group, metadata, and where its image is."""
    return _found(services.pools.open(pool), id)


@router.patch(
    _ONE,
    summary="Change a demonstration",
    dependencies=[Depends(WRITE)],
    responses=problems(
        *OF_A_POOL,
        DemonstrationNotFoundError,
        DemonstrationInvalidError,
        EncoderNotFoundError,
        EncoderUnavailableError,
        EncoderVersionChangedError,
        FingerprintMismatchError,
        body=True,
    ),
    openapi_extra=json_request(DemonstrationPatch, examples.PATCH),
    operation_id="change_demonstration",
)
async def change_demonstration(
    pool: Pool,
    id: DemonstrationId,
    sent: Annotated[DemonstrationPatch, Depends(JsonBody(DemonstrationPatch))],
    services: WithServices,
    record: WithRecord,
) -> Demonstration:
    """A field left out stays as it is; null clears domain or group; metadata is replaced as a whole. In a pool adapted
    to its domains another domain is another vector, which is made on the spot."""

    def change() -> Demonstration:
        stored = services.pools.open(pool)
        changes: Changes = sent.model_dump(exclude_unset=True)  # type: ignore[assignment]
        outcomes = stored.patch({id: changes}, vectors_for=services.recode_for(stored))
        record.tell(**counts(outcomes), fields=[*sorted(changes)])
        for done in outcomes:
            if done.error is not None:
                raise done.error
        return _found(stored, id)

    return await services.writes.run(change)


@router.delete(
    _ONE,
    summary="Delete a demonstration",
    status_code=204,
    dependencies=[Depends(WRITE)],
    responses=problems(*OF_A_POOL, DemonstrationNotFoundError),
    operation_id="delete_demonstration",
)
async def delete_demonstration(pool: Pool, id: DemonstrationId, services: WithServices, record: WithRecord) -> None:
    """It is not chosen any more from the next request on."""
    outcomes = await services.writes.run(lambda: services.pools.open(pool).delete([id]))
    record.tell(**counts(outcomes))
    for done in outcomes:
        if done.error is not None:
            raise done.error


def _found(pool: StoredPool, id: str) -> Demonstration:
    stored = pool.get([id])[0]
    if stored is None:
        raise DemonstrationNotFoundError(f"the pool {pool.name!r} has no demonstration {id!r}", id=id)
    return demonstration(pool.name, stored)
