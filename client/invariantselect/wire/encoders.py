"""Encoders and embeddings over the wire. Embeddings have the shape of OpenAI's /v1/embeddings, with images as input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from invariantselect.wire.base import Answered, Sent


class EncoderInfo(Answered):
    """An encoder that this server may use. All but its name is known once it is loaded, and null before."""

    name: str
    loaded: bool
    version: str | None = None
    fingerprint: str | None = None
    dim: int | None = None
    runtime: str | None = Field(default=None, description="onnxruntime or torch.")
    device: str | None = None
    precision: str | None = None
    image_size: int | None = None


class EncoderList(Answered):
    """The encoders of this server, by name."""

    encoders: list[EncoderInfo]


class EmbeddingsRequest(Sent):
    """Images to encode; `input` is one data URI or a list of them."""

    model: str = Field(default="efficientnet-lite0", max_length=512)
    input: str | Annotated[list[str], Field(min_length=1, max_length=256)]
    encoding_format: Literal["float", "base64"] = "float"


class EmbeddingItem(Answered):
    """One image's vector: L2-normalised float32, as numbers or as base64 of little-endian bytes."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(Answered):
    """OpenAI's field; images cost no tokens here, so both are 0."""

    prompt_tokens: int = 0
    total_tokens: int = 0


class EmbeddingsResponse(Answered):
    """Vectors in the order of the input, and the fingerprint of the space they lie in."""

    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    fingerprint: str
    usage: EmbeddingsUsage = EmbeddingsUsage()
