"""A tower with its preprocessing and a runtime: the one `Encoder` behind every name of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32
from PIL import Image

from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.encoder import EncoderIdentity
from encoders.normalise import directed
from encoders.preprocess import Preprocessing
from encoders.runtime.runtime import Runtime

__all__ = ["ImageEncoder"]


class ImageEncoder:
    """Implements `encoders.encoder.Encoder`. Thread-safe: nothing changes after it is made.

    Args:
        identity: Name, fingerprint and the like; runtime, device and precision as the runtime has them.
        preprocessing: From a decoded image to the runtime's input.
        runtime: Runs the forward pass.
        calibration: From the trunk's vectors to the encoder's.
    """

    def __init__(
        self,
        identity: EncoderIdentity,
        preprocessing: Preprocessing,
        runtime: Runtime,
        calibration: Calibration = IDENTITY,
    ) -> None:
        self._identity = identity
        self._preprocessing = preprocessing
        self._runtime = runtime
        self._calibration = calibration

    @property
    def identity(self) -> EncoderIdentity:
        """Name, fingerprint and the like; constant over the encoder's life."""
        return self._identity

    @property
    def batch(self) -> int:
        """How many images to give `forward` at once for the best rate."""
        return self._runtime.batch

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains whose centres the calibration knows; empty where a vector depends on no domain."""
        return self._calibration.domains if self._calibration.looks_at_domains else ()

    @property
    def centres_queries(self) -> bool:
        """Whether images of a domain that it doesn't know can be centred by what they have in common."""
        return self._calibration.centres_queries

    def preprocess(self, image: Image.Image) -> Float32[np.ndarray, "3 side side"]:
        """The encoder's input for one decoded RGB image."""
        return self._preprocessing.apply(image)

    @property
    def preprocessing(self) -> Preprocessing:
        """From a decoded image to the runtime's input."""
        return self._preprocessing

    def forward(self, batch: Float32[np.ndarray, "batch 3 side side"]) -> Float32[np.ndarray, "batch trunk_dim"]:
        """The trunk's vectors of a preprocessed batch of any size, (batch, trunk_dim) float32, L2-normalised; where the
        tower sees nothing in an image, see `encoders.normalise.directed`.

        Raises:
            InternalError: The tower gave a vector that is not finite.
        """
        step = self._runtime.batch
        parts = [self._runtime.features(batch[start : start + step]) for start in range(0, len(batch), step)]
        return directed(np.concatenate(parts)) if parts else np.zeros((0, self._identity.trunk_dim), np.float32)

    def calibrate(
        self,
        vectors: Float32[np.ndarray, "batch trunk_dim"],
        domains: Sequence[str | None] | None = None,
        *,
        unlabelled: Mapping[str, Float32[np.ndarray, "_ trunk_dim"]] | None = None,
    ) -> Float32[np.ndarray, "batch dim"]:
        """From the trunk's vectors to this encoder's, (batch, dim) float32, L2-normalised.

        Raises:
            InternalError: A calibrated vector is zero or not finite.
        """
        calibration = self._calibration
        for domain, known in (unlabelled or {}).items():
            calibration = calibration.knowing(domain, known)
        return calibration.apply(vectors, domains)

    def encode(
        self, images: Sequence[Image.Image], domains: Sequence[str | None] | None = None
    ) -> Float32[np.ndarray, "batch dim"]:
        """Vectors of decoded RGB images; (0, dim) for none.

        Raises:
            ValueError: An image is not RGB.
            InternalError: The tower gave a vector that is not finite.
        """
        # Chunk by chunk, so that inputs of a thousand images aren't all in memory at once.
        step = self._runtime.batch
        chunks = [images[start : start + step] for start in range(0, len(images), step)]
        parts = [self.forward(np.stack([self.preprocess(image) for image in chunk])) for chunk in chunks]
        if not parts:
            return np.zeros((0, self._identity.dim), dtype=np.float32)
        return self.calibrate(np.concatenate(parts), domains)
