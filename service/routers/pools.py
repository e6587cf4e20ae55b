"""Pools: list, make, look at, drop."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from invariantselect.errors import (
    EncoderNotFoundError,
    EncoderUnavailableError,
    EncoderVersionInUseError,
    OverloadedError,
    PoolExistsError,
)
from invariantselect.wire.pools import PoolCreate, PoolInfo, PoolList
from service.access.audit_trail import WithRecord
from service.access.caller import WithCaller
from service.access.grants import check_may_make
from service.access.scoped import ADMIN, READ, WRITE
from service.http import examples
from service.http.bodies import JsonBody
from service.http.openapi import OF_A_POOL, json_request, problems
from service.pool_info import pool_info
from service.routers.parameters import Pool, WithServices

router = APIRouter(tags=["pools"])

_REMOVING_S = 10.0


@router.get(
    "/v1/pools", summary="List the pools", dependencies=[Depends(READ)], responses=problems(), operation_id="list_pools"
)
def list_pools(services: WithServices, caller: WithCaller) -> PoolList:
    """All pools, by name, each as it stands now; of a key that is limited to some pools, those."""
    return PoolList(pools=[pool_info(pool) for pool in services.pools.list() if caller.sees(pool.name)])


@router.post(
    "/v1/pools",
    summary="Make a pool",
    status_code=201,
    dependencies=[Depends(WRITE)],
    responses=problems(PoolExistsError, EncoderNotFoundError, EncoderUnavailableError, OverloadedError, body=True),
    openapi_extra=json_request(PoolCreate, examples.POOL_CREATE),
    operation_id="create_pool",
)
async def create_pool(
    sent: Annotated[PoolCreate, Depends(JsonBody(PoolCreate))],
    services: WithServices,
    caller: WithCaller,
    record: WithRecord,
    response: Response,
) -> PoolInfo:
    """An empty pool, searched in the space of an encoder. Without one it gets the server's default."""
    record.pool = sent.name
    check_may_make(caller, sent.name)
    name = services.settings.encoder if sent.encoder is None else sent.encoder
    async with services.engine.admission():
        encoder = await services.engine.run(partial(services.encoders.get, name))
    identity = encoder.identity
    create = partial(
        services.pools.create,
        sent.name,
        identity.name,
        identity.fingerprint,
        identity.dim,
        looks_at_domains=identity.trunk != identity.fingerprint,  # a calibration may
    )
    pool = await services.writes.run(create)
    record.tell(encoder=identity.name)
    response.headers["Location"] = f"/v1/pools/{sent.name}"
    return await run_in_threadpool(pool_info, pool)


@router.get(
    "/v1/pools/{pool}",
    summary="Look at a pool",
    dependencies=[Depends(READ)],
    responses=problems(*OF_A_POOL),
    operation_id="get_pool",
)
def get_pool(pool: Pool, services: WithServices) -> PoolInfo:
    """Its encoder, snapshot, size, labels and domains."""
    return pool_info(services.pools.open(pool))


@router.delete(
    "/v1/pools/{pool}",
    summary="Drop a pool",
    status_code=204,
    dependencies=[Depends(ADMIN)],
    responses=problems(*OF_A_POOL, EncoderVersionInUseError),
    operation_id="drop_pool",
)
async def drop_pool(pool: Pool, services: WithServices) -> None:
    """Delete a pool with all its demonstrations. It can't be undone. Of a large pool, a worker removes the files. Its
    jobs that haven't ended are cancelled."""

    def drop() -> None:
        key = services.pools.open(pool).key
        services.pools.check_may_be_dropped(pool)
        services.jobs.cancel_all_of(pool)  # a rebuild holds the pool's folder, which the drop waits for
        end = time.monotonic() + _REMOVING_S
        services.pools.drop(pool, stopped=lambda: time.monotonic() > end)
        services.encoders.adapted.forget(key)
        services.jobs.cancel_all_of(pool, key)  # those that came meanwhile

    await services.writes.run(drop)
