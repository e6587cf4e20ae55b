"""Encoders and embeddings over the wire. Embeddings have the shape of OpenAI's /v1/embeddings, with images as input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from invariantselect.wire.base import Answered, Sent


class QuantisationEffect(Answered):
    """What rounding to int8 does to retrieval: each image asks for its `k` nearest among the others, in both spaces."""

    images: int = Field(description="How many images; the rounding wasn't fitted to them.")
    k: int
    cosine_mean: float = Field(description="Between an image's two vectors.")
    cosine_min: float
    overlap: float = Field(description="Share of the k nearest in float32 that are among the k nearest in int8.")
    precision: float = Field(description="Share of the k nearest that have the image's class, in int8.")
    precision_float32: float
    precision_across: float | None = Field(
        description="Share of the k nearest of other domains that have its class, in int8; null for one domain."
    )
    precision_across_float32: float | None


class Quantisation(Answered):
    """How an int8 encoder was made, and of which."""

    name: str = Field(description="The encoder in float32.")
    fingerprint: str
    kind: Literal["static", "dynamic"] = Field(
        description="static: ranges of activations fitted to images beforehand; dynamic: found anew for each image."
    )
    calibration_images: int
    together: bool = Field(description="Whether images pass in batches; they do where no vector depends on the others.")
    onnxruntime: str = Field(description="Version that made it.")
    effect: QuantisationEffect


class EncoderInfo(Answered):
    """An encoder that this server may use. All but its name is known once it is loaded, and null before."""

    name: str
    loaded: bool
    version: str | None = None
    fingerprint: str | None = None
    dim: int | None = None
    runtime: str | None = Field(default=None, description="onnxruntime or torch.")
    device: str | None = None
    runtime_instead: str | None = Field(
        default=None, description="Why it isn't the runtime that is faster here; null where it is, or was asked for."
    )
    precision: str | None = None
    image_size: int | None = None
    quantisation: Quantisation | None = Field(default=None, description="Of an int8 encoder.")


class EncoderList(Answered):
    """The encoders of this server, by name."""

    encoders: list[EncoderInfo]


class EmbeddingsRequest(Sent):
    """Images to encode; `input` is one data URI or a list of them."""

    model: str | None = Field(
        default=None, max_length=512, description="Name of an encoder; without it, the server's default."
    )
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
