"""The main thing: demonstrations for a query."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from invariantselect.errors import (
    DemonstrationNotFoundError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    FingerprintMismatchError,
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvalidFilterError,
    InvalidVectorError,
    InvariantSelectError,
    OverloadedError,
    PoolNotAdaptedError,
    TimedOutError,
)
from invariantselect.wire.options import ComparableOptions
from invariantselect.wire.queries import Query
from invariantselect.wire.selections import (
    Comparison,
    SelectBatchRequest,
    SelectBatchResponse,
    Selection,
    SelectionFailure,
    SelectRequest,
)
from service.access.scoped import READ
from service.embedding.image_work import ImageWork
from service.http import examples
from service.http.attending import attended
from service.http.bodies import JsonBody
from service.http.discreet import discreet
from service.http.openapi import OF_A_POOL, json_request, problems, request_content
from service.http.select_body import SelectBody, read_select_body
from service.routers.parameters import Pool, WithServices
from service.selecting.given_query import GivenQuery, given_query
from service.selecting.selections import compare, select_each, select_one
from service.tracing.stages import tell_selections

router = APIRouter(tags=["select"], dependencies=[Depends(READ)])

_OF_ALL = (
    *OF_A_POOL,
    EncoderNotFoundError,
    EncoderUnavailableError,
    FingerprintMismatchError,
    InvalidFilterError,
    OverloadedError,
    PoolNotAdaptedError,
    TimedOutError,
)
_OF_A_QUERY = (
    DemonstrationNotFoundError,
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvalidVectorError,
)


@router.post(
    "/v1/pools/{pool}/select",
    summary="Choose demonstrations for a query",
    responses=problems(*_OF_ALL, *_OF_A_QUERY, body=True),
    openapi_extra=request_content(
        {
            **json_request(SelectRequest, examples.SELECT)["requestBody"]["content"],
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "options": {"$ref": f"#/components/schemas/{ComparableOptions.__name__}"},
                        "group": {"type": "string", "minLength": 1, "maxLength": 256},
                        "domain": {"type": "string", "minLength": 1, "maxLength": 256},
                    },
                },
                "encoding": {
                    "image": {"contentType": "image/*, application/octet-stream"},
                    "options": {"contentType": "application/json"},
                },
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        }
    ),
    operation_id="select",
)
async def select(
    pool: Pool, body: Annotated[SelectBody, Depends(read_select_body)], services: WithServices, request: Request
) -> Selection | Comparison:
    """k demonstrations in the order in which they stand in the prompt, from the present snapshot of the pool.

    The query is an image (inlined in JSON, as a multipart file, or as the body itself with its content type), the id
    of a stored demonstration, or a vector of `/v1/embeddings` with its fingerprint. The query is never chosen itself.

    With `strategies` in place of `strategy` the answer is a comparison: a selection by each of them, from one decoding
    and one forward pass of the image. `invariant_select` asks for a pool that was adapted.
    """

    def begin() -> ImageWork[Any]:
        stored = services.pools.open(pool)
        embedder_of = partial(services.pool_embedder, stored)
        if body.options.strategies is None:
            return select_one(stored, body.query, body.options, embedder_of)
        return compare(stored, body.query, body.options.by_strategy(), embedder_of)

    async with attended(request):
        answer: Selection | Comparison = await services.carry_out(begin)
    made = [answer] if isinstance(answer, Selection) else list(answer.selections.values())
    tell_selections(made)
    for selection in made:
        services.metrics.selected(selection, from_outside=body.query.id is None)
    return answer


@router.post(
    "/v1/pools/{pool}/select:batch",
    summary="Choose demonstrations for several queries",
    responses=problems(*_OF_ALL, body=True),
    openapi_extra=json_request(SelectBatchRequest, examples.SELECT_BATCH),
    operation_id="select_batch",
)
async def select_batch(
    pool: Pool,
    sent: Annotated[SelectBatchRequest, Depends(JsonBody(SelectBatchRequest))],
    services: WithServices,
    request: Request,
) -> SelectBatchResponse:
    """As many selections as queries, all from one snapshot. A broken query fails alone.

    Each is answered as it would be alone, unless `centre_queries` centres the images of an unknown domain together.
    """
    limit = services.settings.max_image_bytes

    def begin() -> ImageWork[list[Selection | InvariantSelectError]]:
        stored = services.pools.open(pool)
        given = [_given_or_error(query, limit) for query in sent.queries]
        embedder_of = partial(services.pool_embedder, stored)
        return select_each(stored, given, sent, embedder_of, centre_queries=sent.centre_queries)

    async with attended(request):
        answers = await services.carry_out(begin)
    tell_selections([answer for answer in answers if isinstance(answer, Selection)])
    for query, answer in zip(sent.queries, answers, strict=True):
        if isinstance(answer, Selection):
            services.metrics.selected(answer, from_outside=query.id is None)
    selections = [
        SelectionFailure(error=discreet(each.to_problem(), services.settings))
        if isinstance(each, InvariantSelectError)
        else each
        for each in answers
    ]
    return SelectBatchResponse(
        selections=selections, failed=sum(isinstance(each, SelectionFailure) for each in selections)
    )


def _given_or_error(query: Query, limit: int) -> GivenQuery | InvariantSelectError:
    try:
        return given_query(query, limit)
    except InvariantSelectError as error:
        return error
