"""A small real encoder for tests of other rooms: no weights to load, microseconds an image, an honest fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32
from PIL import Image

from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.encoder import EncoderIdentity
from encoders.fingerprint import RawTensor, calibrated_fingerprint, fingerprint, weights_digest
from encoders.preprocess import Preprocessing


class PixelEncoder:
    """Downsamples to 8×8, projects with a fixed random matrix and normalises: similar pictures get similar vectors.

    Args:
        dim: Length of a vector of the trunk.
        seed: Of the projection; another seed is another space with another fingerprint.
        calibration: Behind the trunk: an adapted encoder.
        version: To go by.
    """

    def __init__(
        self, dim: int = 16, seed: int = 0, *, calibration: Calibration = IDENTITY, version: str = "1"
    ) -> None:
        self._preprocessing = Preprocessing(
            size=8, resize="squash", interpolation="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
        )
        # The constant input in the last row keeps even a mid-grey picture away from the zero vector.
        self._projection = np.random.default_rng(seed).standard_normal((3 * 8 * 8 + 1, dim)).astype(np.float32)
        weights = weights_digest({"projection": RawTensor("F32", (193, dim), self._projection.tobytes())})
        self._calibration = calibration
        trunk = fingerprint(
            architecture={"family": "pixel"},
            weights=weights,
            preprocessing=self._preprocessing.to_json(),
            pooling="projection",
        )
        self._identity = EncoderIdentity(
            name=f"pixel-{dim}-{seed}",
            version=version,
            fingerprint=calibrated_fingerprint(trunk, calibration.digest()),
            dim=calibration.dim(dim),
            trunk=trunk,
            trunk_dim=dim,
            image_size=8,
            runtime="numpy",
            device="cpu",
            precision="float32",
        )

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    @property
    def batch(self) -> int:
        return 8

    @property
    def domains(self) -> tuple[str, ...]:
        return self._calibration.domains if self._calibration.looks_at_domains else ()

    @property
    def centres_queries(self) -> bool:
        return self._calibration.centres_queries

    def preprocess(self, image: Image.Image) -> Float32[np.ndarray, "3 side side"]:
        return self._preprocessing.apply(image)

    @property
    def preprocessing(self) -> Preprocessing:
        return self._preprocessing

    def forward(self, batch: Float32[np.ndarray, "batch 3 side side"]) -> Float32[np.ndarray, "batch dim"]:
        flat = np.concatenate([batch.reshape(len(batch), -1), np.ones((len(batch), 1), np.float32)], axis=1)
        # einsum, not BLAS: a vector is then the same, bit for bit, alone and in a batch of any size.
        features = np.einsum("bi,id->bd", flat, self._projection, optimize=False)
        return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), dtype=np.float32)

    def calibrate(
        self,
        vectors: Float32[np.ndarray, "batch trunk_dim"],
        domains: Sequence[str | None] | None = None,
        *,
        unlabelled: Mapping[str, Float32[np.ndarray, "_ trunk_dim"]] | None = None,
    ) -> Float32[np.ndarray, "batch dim"]:
        calibration = self._calibration
        for domain, known in (unlabelled or {}).items():
            calibration = calibration.knowing(domain, known)
        return calibration.apply(vectors, domains)

    def encode(
        self, images: Sequence[Image.Image], domains: Sequence[str | None] | None = None
    ) -> Float32[np.ndarray, "batch dim"]:
        if not images:
            return np.zeros((0, self._identity.dim), np.float32)
        return self.calibrate(self.forward(np.stack([self.preprocess(image) for image in images])), domains)
