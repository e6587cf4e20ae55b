"""What an encoder is: the one interface that index and service see, whatever runs beneath it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray
from PIL import Image

from encoders.preprocess import Preprocessing
from encoders.quantised_tower import Quantisation

__all__ = ["Encoder", "EncoderIdentity"]


@dataclass(frozen=True)
class EncoderIdentity:
    """Who an encoder is.

    Attributes:
        name: As given to the catalog: ``efficientnet-lite0``, ``open_clip:ViT-B-32/laion2b_s34b_b79k``, a directory.
        version: Version of the encoder under that name; ``"1"`` for one that was never adapted.
        fingerprint: Hash of everything a vector depends on (weights, preprocessing, pooling, precision,
            normalisation, calibration), 64 hexadecimal digits. Vectors compare only where it agrees.
        dim: Length of a vector.
        trunk: Fingerprint of what `Encoder.forward` gives, before calibration; `fingerprint` where there is none.
        trunk_dim: Length of a vector of the trunk.
        image_size: Side of the square the encoder sees, in pixels.
        runtime: ``onnxruntime`` or ``torch``.
        device: ``cpu``, ``cuda:0``, …
        precision: ``float32``, ``bfloat16``, ``float16`` or ``int8``.
        runtime_instead: Why ``auto`` didn't take the runtime that is faster here; None where it did, or where a
            runtime was asked for by name.
        quantisation: How an int8 encoder was made, and what that does to retrieval; None for others.
    """

    name: str
    version: str
    fingerprint: str
    dim: int
    trunk: str
    trunk_dim: int
    image_size: int
    runtime: str
    device: str
    precision: str
    runtime_instead: str | None = None
    quantisation: Quantisation | None = None


@runtime_checkable
class Encoder(Protocol):
    """An image tower with its preprocessing. Thread-safe: several threads may call it at once."""

    @property
    def identity(self) -> EncoderIdentity:
        """Name, fingerprint and the like; constant over the encoder's life."""

    @property
    def batch(self) -> int:
        """How many images to give `forward` at once for the best rate."""

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains whose images are calibrated in a way of their own; empty where a vector depends on none."""

    @property
    def centres_queries(self) -> bool:
        """Whether images of a domain that it doesn't know can be centred by what they have in common."""

    def preprocess(self, image: Image.Image) -> Float32[np.ndarray, "3 side side"]:
        """Turn a decoded RGB image into the encoder's input. Same code in training and serving."""

    @property
    def preprocessing(self) -> Preprocessing:
        """What `preprocess` does: encoders in which it is equal take the same input, which is then made once."""

    def forward(self, batch: Float32[np.ndarray, "batch 3 side side"]) -> Float32[np.ndarray, "batch trunk_dim"]:
        """The trunk's vectors of a preprocessed batch, (batch, trunk_dim) float32, L2-normalised.

        Encoders with the same `EncoderIdentity.trunk` give the same vectors: one forward pass serves them all.
        """

    def calibrate(
        self,
        vectors: Float32[np.ndarray, "batch trunk_dim"],
        domains: Sequence[str | None] | None = None,
        *,
        unlabelled: Mapping[str, Float32[np.ndarray, "_ trunk_dim"]] | None = None,
    ) -> Float32[np.ndarray, "batch dim"]:
        """From the trunk's vectors to this encoder's, (batch, dim) float32, L2-normalised; the same where not adapted.

        Args:
            vectors: Of `forward`.
            domains: Domain of each image, None where it isn't known; None for none known.
            unlabelled: Vectors of the trunk by domain, to estimate the centres of domains that the pool lacks.
        """

    def encode(
        self, images: Sequence[Image.Image], domains: Sequence[str | None] | None = None
    ) -> Float32[np.ndarray, "batch dim"]:
        """`preprocess`, `forward` and `calibrate`, for any number of decoded RGB images; (0, dim) for none."""


Vectors = NDArray[np.float32]
