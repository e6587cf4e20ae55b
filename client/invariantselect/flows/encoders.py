"""Encoders and embeddings, and whether the server is ready to make any."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2

from invariantselect.calls import Call, Flow, one
from invariantselect.checking import body, checked, reader
from invariantselect.errors import (
    FingerprintMismatchError,
    InvalidRequestError,
    PayloadTooLargeError,
    UnexpectedResponseError,
)
from invariantselect.flows.batches import Batches, Sized
from invariantselect.image_inputs import ImageInput, data_uri, image_bytes, is_image_input
from invariantselect.wire.encoders import (
    EmbeddingItem,
    EmbeddingsRequest,
    EmbeddingsResponse,
    EncoderInfo,
    EncoderList,
)

__all__ = ["embed", "encoders", "ready"]

_IMAGES_IN_A_REQUEST = 256


@dataclass(frozen=True)
class _Encoded(Sized):
    uri: str = field(repr=False)


def encoders() -> Flow[list[EncoderInfo]]:
    """The encoders of the server."""
    answer = yield from one(Call("GET", "/v1/encoders", reader(EncoderList), repeatable=True))
    return answer.encoders


def ready() -> Flow[bool]:
    """Whether the server has run a forward pass. 503 is an answer here, and is not waited out."""
    return (yield from one(Call("GET", "/readyz", _is_ready, repeatable=True, accepts=frozenset({503}))))


def embed(images: ImageInput | Iterable[ImageInput], model: str | None) -> Flow[EmbeddingsResponse]:
    """Vectors of images, in as many requests as their size asks for."""
    given: Iterable[ImageInput] = [images] if is_image_input(images) else cast("Iterable[ImageInput]", images)
    batches = Batches(given, _prepare, count=_IMAGES_IN_A_REQUEST)
    answers: list[EmbeddingsResponse] = []
    while batch := (yield from batches.next()):
        answers += yield from _embedded(batch, model)
    return _joined(answers)


def _embedded(batch: list[_Encoded], model: str | None) -> Flow[list[EmbeddingsResponse]]:
    fields: dict[str, Any] = {} if model is None else {"model": model}
    request = checked(EmbeddingsRequest, input=[each.uri for each in batch], encoding_format="base64", **fields)
    call = Call("POST", "/v1/embeddings", reader(EmbeddingsResponse), repeatable=True, body=body(request))
    try:
        answer = yield from one(call)
    except PayloadTooLargeError:  # this server takes less than others: try halves
        if len(batch) == 1:
            raise
        half = len(batch) // 2
        return [*(yield from _embedded(batch[:half], model)), *(yield from _embedded(batch[half:], model))]
    if len(answer.data) != len(batch):
        raise UnexpectedResponseError(f"the server answered {len(answer.data)} of {len(batch)} images")
    return [answer]


def _joined(answers: list[EmbeddingsResponse]) -> EmbeddingsResponse:
    if not answers:
        raise InvalidRequestError("there is no image to embed", hint="Give at least one image.")
    first = answers[0]
    if any(answer.fingerprint != first.fingerprint for answer in answers):
        raise FingerprintMismatchError("the server's encoder changed between two requests", hint="Embed again.")
    items = [item for answer in answers for item in sorted(answer.data, key=lambda item: item.index)]
    data = [EmbeddingItem(index=index, embedding=_numbers(item.embedding)) for index, item in enumerate(items)]
    return first.model_copy(update={"data": data})


def _numbers(embedding: list[float] | str) -> list[float]:
    if not isinstance(embedding, str):
        return embedding
    try:
        packed = base64.b64decode(embedding, validate=True)
        return list(struct.unpack(f"<{len(packed) // 4}f", packed))
    except (binascii.Error, struct.error, ValueError) as error:
        raise UnexpectedResponseError(f"an embedding is not base64 of float32 numbers: {error}") from error


def _prepare(image: ImageInput) -> _Encoded:
    uri = data_uri(image_bytes(image))
    return _Encoded(len(uri), uri=uri)


def _is_ready(response: httpx2.Response) -> bool:
    return response.is_success
