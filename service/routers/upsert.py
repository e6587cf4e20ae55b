"""Demonstrations going in: by JSON with inlined images, and by multipart with files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends

from index.pool import Pool as StoredPool
from invariantselect.errors import (
    EncoderNotFoundError,
    EncoderUnavailableError,
    EncoderVersionChangedError,
    FingerprintMismatchError,
    OverloadedError,
)
from invariantselect.wire.demonstrations import BatchOutcome, Outcome, UpsertRequest
from service.access.audit import AuditRecord
from service.access.audit_trail import WithRecord
from service.access.scoped import WRITE
from service.http import examples
from service.http.bodies import JsonBody
from service.http.openapi import OF_A_POOL, json_request, problems, request_content
from service.http.upload_body import UploadedDemonstration, read_upload_body
from service.routers.parameters import Pool, WithServices
from service.services import Services
from service.stored import batch_outcome, counts
from service.upserting import Encoded, GivenDemonstration, encode, given_demonstration

router = APIRouter(tags=["demonstrations"], dependencies=[Depends(WRITE)])

SentT = TypeVar("SentT")

_AT_ONCE = 32  # other requests get their turn in between
_ATTEMPTS = 5
_PROBLEMS = problems(
    *OF_A_POOL,
    EncoderNotFoundError,
    EncoderUnavailableError,
    EncoderVersionChangedError,
    FingerprintMismatchError,
    OverloadedError,
    body=True,
)


@router.post(
    "/v1/pools/{pool}/demonstrations:upsert",
    summary="Insert or replace demonstrations, images inlined",
    responses=_PROBLEMS,
    openapi_extra=json_request(UpsertRequest, examples.UPSERT),
    operation_id="upsert_demonstrations",
)
async def upsert_json(
    pool: Pool,
    sent: Annotated[UpsertRequest, Depends(JsonBody(UpsertRequest))],
    services: WithServices,
    record: WithRecord,
) -> BatchOutcome:
    """Each demonstration is created, replaced (another image), updated (other words) or unchanged; a broken one fails
    alone. The same request again changes nothing, so it may be repeated."""
    limit = services.settings.max_image_bytes
    read = partial(given_demonstration, max_image_bytes=limit)
    return await _upsert(services, record, pool, sent.demonstrations, read)


@router.post(
    "/v1/pools/{pool}/demonstrations:upload",
    summary="Insert or replace demonstrations, images as files",
    responses=_PROBLEMS,
    openapi_extra=request_content(
        {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["demonstrations", "files"],
                    "properties": {
                        "demonstrations": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 1000,
                            "items": {"$ref": f"#/components/schemas/{UploadedDemonstration.__name__}"},
                            "description": "JSON: what is known about each file, in the order of the files.",
                        },
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                },
                "encoding": {
                    "demonstrations": {"contentType": "application/json"},
                    "files": {"contentType": "image/*, application/octet-stream"},
                },
            }
        }
    ),
    operation_id="upload_demonstrations",
)
async def upsert_files(
    pool: Pool,
    given: Annotated[list[GivenDemonstration], Depends(read_upload_body)],
    services: WithServices,
    record: WithRecord,
) -> BatchOutcome:
    """As `demonstrations:upsert`, without the third that base64 adds. One part `files` for each description:
    `curl -F demonstrations='[{"id": "1", "label": "dog"}]' -F files=@1.jpg …`"""
    return await _upsert(services, record, pool, given, lambda each: each)


async def _upsert(
    services: Services,
    record: AuditRecord,
    name: str,
    sent: Sequence[SentT],
    read: Callable[[SentT], GivenDemonstration],
) -> BatchOutcome:
    async with services.engine.admission():
        pool = await services.engine.run(partial(services.pools.open, name))
    outcomes: list[Outcome] = []
    for begin in range(0, len(sent), _AT_ONCE):
        outcomes += await _upsert_some(services, pool, partial(map, read, sent[begin : begin + _AT_ONCE]))
        record.tell(**counts(outcomes))  # so far: a later part may fail
    return await services.writes.run(partial(batch_outcome, pool, outcomes))


async def _upsert_some(
    services: Services, pool: StoredPool, given: Callable[[], Iterable[GivenDemonstration]]
) -> list[Outcome]:
    """Encoded among the queries, written apart from them: a write may wait for others."""

    def encoded() -> Encoded:
        return encode(pool, [*given()], partial(services.pool_embedders, pool))

    for attempt in count(1):
        async with services.engine.admission(again=True):
            ready = await services.engine.run(encoded)
        try:
            return await services.writes.run(partial(ready.write, pool))
        except EncoderVersionChangedError:  # a switch while this was encoded
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("counting doesn't end")
