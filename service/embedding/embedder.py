"""Image files become vectors: through an encoder's trunk, then calibrated. One broken image fails alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from encoders.decode import DecodeLimits, ImageHeader
from encoders.encoder import Encoder
from invariantselect.errors import InternalError, InvariantSelectError
from service.embedding.embedding_cache import EmbeddingCache
from service.embedding.forward_each import ForwardEach, forward_each
from service.embedding.trunk_passes import Passed, TrunkPasses
from service.metrics import Metrics

__all__ = ["Embedded", "Embedder", "Passed", "embed_by_each", "passes_of"]

Vector = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Embedded:
    """An image file and its vectors.

    Attributes:
        sha256: Hash of the file.
        header: What the file says about itself.
        trunk: (trunk_dim,) float32, L2-normalised: before calibration.
        vector: (dim,) float32, L2-normalised: the encoder's, calibrated with the domain that was given.
        decode_ms: Milliseconds spent on decoding and preprocessing; 0 where the vector was known.
        encode_ms: Milliseconds spent on encoding, its share of a batch; likewise.
    """

    sha256: str
    header: ImageHeader
    trunk: Vector
    vector: Vector
    decode_ms: float = 0.0
    encode_ms: float = 0.0


class Embedder:
    """An encoder with its cache and limits. Thread-safe.

    Args:
        encoder: What makes the vectors.
        limits: What is refused.
        cache: Vectors that are known; None for no cache.
        metrics: Where the stages are timed; None for nowhere.
        forward: Runs the trunk.
    """

    def __init__(
        self,
        encoder: Encoder,
        limits: DecodeLimits,
        *,
        cache: EmbeddingCache | None = None,
        metrics: Metrics | None = None,
        forward: ForwardEach = forward_each,
    ) -> None:
        self.identity = encoder.identity
        self.encoder = encoder
        self.limits = limits
        self.cache = cache
        self.metrics = metrics
        self.forward = forward

    def embed(
        self, images: Sequence[bytes], domains: Sequence[str | None] | None = None
    ) -> list[Embedded | InvariantSelectError]:
        """Vectors of image files, in their order; an error in the place of an image that can't be used.

        Args:
            images: Image files.
            domains: Domain of each, None where it isn't known; None for none known.
        """
        return self.embedded(passes_of([self]).run(images), domains)

    def embedded(
        self, passed: Sequence[Passed | InvariantSelectError], domains: Sequence[str | None] | None = None
    ) -> list[Embedded | InvariantSelectError]:
        """As `embed`, of images that went through its trunk already."""
        return self.calibrated(_uncalibrated(passed, self.identity.trunk), domains)

    def calibrate(
        self,
        passed: Sequence[Passed],
        domains: Sequence[str | None],
        *,
        unlabelled: Mapping[str, Vector] | None = None,
    ) -> list[Embedded | InvariantSelectError]:
        """From what its trunk made of images to its own vectors; an error in the place of one that can't be calibrated.

        Args:
            passed: What the trunk made of each image.
            domains: As in `embed`.
            unlabelled: See `encoders.encoder.Encoder.calibrate`.
        """
        trunks = [each.vectors[self.identity.trunk] for each in passed]
        vectors = self._calibrated(trunks, domains, unlabelled)
        return [
            vector
            if isinstance(vector, InvariantSelectError)
            else Embedded(each.sha256, each.header, trunk, vector, each.decode_ms, each.encode_ms)
            for each, trunk, vector in zip(passed, trunks, vectors, strict=True)
        ]

    def calibrated(
        self, results: Sequence[Embedded | InvariantSelectError], domains: Sequence[str | None] | None = None
    ) -> list[Embedded | InvariantSelectError]:
        """The same images in this encoder's space, from the trunk's vectors that they have: nothing is decoded.

        Args:
            results: Of an embedder whose encoder has the same trunk; errors stay in their places.
            domains: As in `embed`.
        """
        given = [None] * len(results) if domains is None else domains
        sound = [
            (number, result, domain)
            for number, (result, domain) in enumerate(zip(results, given, strict=True))
            if isinstance(result, Embedded)
        ]
        vectors = self._calibrated([result.trunk for _, result, _ in sound], [domain for *_, domain in sound])
        done = list(results)
        for (number, result, _), vector in zip(sound, vectors, strict=True):
            done[number] = vector if isinstance(vector, InvariantSelectError) else replace(result, vector=vector)
        return done

    def _calibrated(
        self,
        trunks: Sequence[Vector],
        domains: Sequence[str | None],
        unlabelled: Mapping[str, Vector] | None = None,
    ) -> Sequence[Vector | InvariantSelectError]:
        if not trunks:
            return []
        try:
            return list(self.encoder.calibrate(np.stack(trunks), domains, unlabelled=unlabelled))
        except InternalError as error:
            # One vector has no direction left, that of an image exactly in its domain's centre. The others have.
            if len(trunks) == 1:
                return [error]
            pairs = zip(trunks, domains, strict=True)
            return [self._calibrated([trunk], [domain], unlabelled)[0] for trunk, domain in pairs]


def embed_by_each(
    embedders: Sequence[Embedder], images: Sequence[bytes], domains: Sequence[str | None] | None = None
) -> list[dict[str, Embedded] | InvariantSelectError]:
    """Vectors of image files by several encoders; each image is decoded once, and each trunk runs once.

    Args:
        embedders: At least one; everything but the encoder is that of the first.
        images: Image files.
        domains: Domain of each, None where it isn't known; None for none known.

    Returns:
        For each image its vectors by the encoders' fingerprints, or why it can't be used.
    """
    passed = passes_of(embedders).run(images)
    made: list[dict[str, Embedded] | InvariantSelectError] = [{} for _ in passed]
    for embedder in embedders:
        results = embedder.embedded(passed, domains)
        for number, (so_far, result) in enumerate(zip(made, results, strict=True)):
            if isinstance(result, InvariantSelectError):
                made[number] = result
            elif isinstance(so_far, dict):
                so_far[embedder.identity.fingerprint] = result
    return made


def passes_of(embedders: Sequence[Embedder]) -> TrunkPasses:
    """The trunks of several encoders.

    Args:
        embedders: At least one; everything but the encoder is that of the first.
    """
    first = embedders[0]
    trunks = {embedder.identity.trunk: embedder.encoder for embedder in embedders}
    return TrunkPasses(trunks, first.limits, first.cache, first.metrics, first.forward)


def _uncalibrated(passed: Sequence[Passed | InvariantSelectError], trunk: str) -> list[Embedded | InvariantSelectError]:
    """With a trunk's vectors in the place of an encoder's."""
    return [
        each
        if isinstance(each, InvariantSelectError)
        else Embedded(
            each.sha256, each.header, each.vectors[trunk], each.vectors[trunk], each.decode_ms, each.encode_ms
        )
        for each in passed
    ]
