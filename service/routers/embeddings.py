"""Embeddings in the shape of OpenAI's API, with images for input."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Request, Response
from numpy.typing import NDArray

from invariantselect.errors import (
    EncoderNotFoundError,
    EncoderUnavailableError,
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvariantSelectError,
    OverloadedError,
    TimedOutError,
)
from invariantselect.wire.encoders import EmbeddingItem, EmbeddingsRequest, EmbeddingsResponse
from service.access.scoped import READ
from service.embedding.embedder import Embedded, Passed
from service.embedding.image_work import ImageWork
from service.http import examples
from service.http.attending import attended
from service.http.bodies import JsonBody
from service.http.data_uri import image_from_text
from service.http.openapi import json_request, problems
from service.routers.parameters import WithServices

router = APIRouter(tags=["embeddings"], dependencies=[Depends(READ)])


@router.post(
    "/v1/embeddings",
    summary="Encode images",
    response_model=EmbeddingsResponse,
    responses=problems(
        EncoderNotFoundError,
        EncoderUnavailableError,
        ImageFormatUnsupportedError,
        ImageTooLargeError,
        ImageUnreadableError,
        OverloadedError,
        TimedOutError,
        body=True,
    ),
    openapi_extra=json_request(EmbeddingsRequest, examples.EMBEDDINGS),
    operation_id="embed",
)
async def embed(
    sent: Annotated[EmbeddingsRequest, Depends(JsonBody(EmbeddingsRequest))], services: WithServices, request: Request
) -> Response:
    """L2-normalised vectors, and the fingerprint of the space they lie in: send both to `select` to search with them.

    Without `model` the server's default encoder is used. One broken image fails the request, as there is no place for
    an error among the vectors."""
    name = services.settings.encoder if sent.model is None else sent.model
    texts = [sent.input] if isinstance(sent.input, str) else sent.input
    limit = services.settings.max_image_bytes

    def begin() -> ImageWork[bytes]:
        embedder = services.embedder(name)

        def finish(passed: Sequence[Passed | InvariantSelectError]) -> bytes:
            vectors = _vectors(embedder.embedded(passed))
            as_base64 = sent.encoding_format == "base64"
            return _answer(name, embedder.identity.fingerprint, vectors, as_base64=as_base64)

        return ImageWork([image_from_text(text, limit) for text in texts], [embedder], finish)

    async with attended(request):
        content = await services.carry_out(begin)
    return Response(content, media_type="application/json")


def _vectors(results: Sequence[Embedded | InvariantSelectError]) -> list[NDArray[np.float32]]:
    vectors = []
    for number, result in enumerate(results):
        if isinstance(result, InvariantSelectError):
            raise type(result)(f"input {number}: {result.detail}", hint=result.hint, index=number)
        vectors.append(result.vector)
    return vectors


def _answer(model: str, fingerprint: str, vectors: list[NDArray[np.float32]], *, as_base64: bool) -> bytes:
    data = [
        EmbeddingItem(
            index=number,
            embedding=base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
            if as_base64
            else vector.tolist(),
        )
        for number, vector in enumerate(vectors)
    ]
    return EmbeddingsResponse(data=data, model=model, fingerprint=fingerprint).model_dump_json().encode()
