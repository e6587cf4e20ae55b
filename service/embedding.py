"""Image files become vectors: hashed, looked up, and only then decoded and encoded. One broken image fails alone.

Encoders with one trunk share its forward pass and its place in the cache; what is kept there is the trunk's vector,
and each encoder calibrates it, which takes microseconds.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from encoders.decode import DecodeLimits, ImageHeader, decode, probe
from encoders.encoder import Encoder
from invariantselect.errors import InternalError, InvariantSelectError
from service.embedding_cache import EmbeddingCache
from service.metrics import Metrics

__all__ = ["Embedded", "Embedder", "Passed", "embed_by_each", "run_trunks"]

_AT_ONCE = 32  # preprocessed images in memory; a decoded picture, which may be a thousand times larger, only one

Vector = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Embedded:
    """An image file and its vector.

    Attributes:
        sha256: Hash of the file.
        header: What the file says about itself.
        vector: (dim,) float32, L2-normalised.
        decode_ms: Milliseconds spent on decoding and preprocessing; 0 where the vector was known.
        encode_ms: Milliseconds spent on encoding, its share of a batch; likewise.
    """

    sha256: str
    header: ImageHeader
    vector: Vector
    decode_ms: float = 0.0
    encode_ms: float = 0.0


@dataclass(eq=False)
class Passed:
    """An image file that went through one or several trunks, not yet calibrated.

    Attributes:
        sha256: Hash of the file.
        header: What the file says about itself.
        vectors: By fingerprint of the trunk, (trunk_dim,) float32, L2-normalised.
        decode_ms: Milliseconds spent on decoding and preprocessing; 0 where all vectors were known.
        encode_ms: Milliseconds spent on forward passes, its share of each batch; likewise.
    """

    sha256: str
    header: ImageHeader
    vectors: dict[str, Vector] = field(default_factory=dict)
    decode_ms: float = 0.0
    encode_ms: float = 0.0


class Embedder:
    """An encoder with its cache and limits. Thread-safe.

    Args:
        encoder: What makes the vectors.
        limits: What is refused.
        cache: Vectors that are known; None for no cache.
        metrics: Where the stages are timed; None for nowhere.
    """

    def __init__(
        self,
        encoder: Encoder,
        limits: DecodeLimits,
        *,
        cache: EmbeddingCache | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.identity = encoder.identity
        self.encoder = encoder
        self.limits = limits
        self.cache = cache
        self.metrics = metrics

    def embed(
        self, images: Sequence[bytes], domains: Sequence[str | None] | None = None
    ) -> list[Embedded | InvariantSelectError]:
        """Vectors of image files, in their order; an error in the place of an image that can't be used.

        Args:
            images: Image files.
            domains: Domain of each, None where it isn't known; None for none known.
        """
        return [
            each if isinstance(each, InvariantSelectError) else each[self.identity.fingerprint]
            for each in embed_by_each([self], images, domains)
        ]

    def calibrate(
        self,
        passed: Sequence[Passed],
        domains: Sequence[str | None],
        *,
        unlabelled: Mapping[str, Vector] | None = None,
    ) -> list[Embedded | InvariantSelectError]:
        """From what its trunk made of images to its own vectors; see `encoders.encoder.Encoder.calibrate`.

        An error stands in the place of an image that has no direction left, being exactly its domain's centre.
        """
        if not passed:
            return []
        trunk = np.stack([each.vectors[self.identity.trunk] for each in passed])
        try:
            vectors = self.encoder.calibrate(trunk, domains, unlabelled=unlabelled)
        except InternalError as error:
            if len(passed) == 1:
                return [error]
            alone = [
                self.calibrate([each], [domain], unlabelled=unlabelled)
                for each, domain in zip(passed, domains, strict=True)
            ]
            return [one for (one,) in alone]
        return [
            Embedded(each.sha256, each.header, vector, each.decode_ms, each.encode_ms)
            for each, vector in zip(passed, vectors, strict=True)
        ]


def embed_by_each(
    embedders: Sequence[Embedder], images: Sequence[bytes], domains: Sequence[str | None] | None = None
) -> list[dict[str, Embedded] | InvariantSelectError]:
    """Vectors of image files by several encoders; each image is decoded once, and each trunk runs once.

    Args:
        embedders: At least one; limits, cache and metrics are those of the first.
        images: Image files.
        domains: Domain of each, None where it isn't known; None for none known.

    Returns:
        For each image its vectors by the encoders' fingerprints, or why it can't be used.
    """
    passed = run_trunks(embedders, images)
    sound = {number: each for number, each in enumerate(passed) if isinstance(each, Passed)}
    known = [None if domains is None else domains[number] for number in sound]
    made: dict[int, dict[str, Embedded]] = {number: {} for number in sound}
    broken = {number: each for number, each in enumerate(passed) if isinstance(each, InvariantSelectError)}
    for embedder in embedders:
        for number, embedded in zip(sound, embedder.calibrate(list(sound.values()), known), strict=True):
            if isinstance(embedded, InvariantSelectError):
                broken[number] = embedded
            else:
                made[number][embedder.identity.fingerprint] = embedded
    return [broken.get(number) or made[number] for number in range(len(passed))]


def run_trunks(embedders: Sequence[Embedder], images: Sequence[bytes]) -> list[Passed | InvariantSelectError]:
    """What the trunks of several encoders make of image files, in their order; an error in the place of a broken one.

    Args:
        embedders: At least one; limits, cache and metrics are those of the first.
        images: Image files.
    """
    trunks = {embedder.identity.trunk: embedder for embedder in embedders}
    results: list[Passed | InvariantSelectError] = []
    for begin in range(0, len(images), _AT_ONCE):
        results += _run_some(trunks, images[begin : begin + _AT_ONCE])
    return results


def _run_some(trunks: Mapping[str, Embedder], images: Sequence[bytes]) -> list[Passed | InvariantSelectError]:
    first = next(iter(trunks.values()))
    hashes = [hashlib.sha256(image).hexdigest() for image in images]
    known = {trunk: _known(embedder, hashes, first.cache) for trunk, embedder in trunks.items()}
    results: list[Passed | InvariantSelectError] = []
    inputs: dict[str, dict[int, Vector]] = {trunk: {} for trunk in trunks}
    for number, (image, sha256) in enumerate(zip(images, hashes, strict=True)):
        began = time.perf_counter()
        found = {trunk: vector for trunk in trunks if (vector := known[trunk][number]) is not None}
        try:
            passed = Passed(sha256, probe(image, first.limits), found)
            if len(found) < len(trunks):
                lacking = {trunk: trunks[trunk].encoder for trunk in trunks if trunk not in found}
                for trunk, pixels in _preprocessed(lacking, decode(image, first.limits)).items():
                    inputs[trunk][number] = pixels
                passed.decode_ms = _ms_since(began)
        except InvariantSelectError as error:
            for waiting in inputs.values():
                waiting.pop(number, None)
            results.append(error)
        else:
            results.append(passed)
    for trunk, embedder in trunks.items():
        _forward(embedder, results, inputs[trunk], first.cache)
    _time(results, inputs, first.metrics)
    return results


def _preprocessed(trunks: Mapping[str, Encoder], picture: Image.Image) -> dict[str, Vector]:
    """The input of each trunk; made once for those that take the same."""
    different = {encoder.preprocessing: encoder for encoder in trunks.values()}
    made = {preprocessing: encoder.preprocess(picture) for preprocessing, encoder in different.items()}
    return {trunk: made[encoder.preprocessing] for trunk, encoder in trunks.items()}


def _known(embedder: Embedder, hashes: Sequence[str], cache: EmbeddingCache | None) -> list[Vector | None]:
    if cache is None:
        return [None] * len(hashes)
    return cache.get(embedder.identity.trunk, hashes, embedder.identity.trunk_dim)


def _forward(
    embedder: Embedder,
    results: Sequence[Passed | InvariantSelectError],
    inputs: Mapping[int, Vector],
    cache: EmbeddingCache | None,
) -> None:
    if not inputs:
        return
    began = time.perf_counter()
    vectors = embedder.encoder.forward(np.stack(list(inputs.values())))
    share = _ms_since(began) / len(inputs)
    fresh: list[tuple[str, Vector]] = []
    for number, vector in zip(inputs, vectors, strict=True):
        passed = results[number]
        if isinstance(passed, Passed):
            passed.vectors[embedder.identity.trunk] = vector
            passed.encode_ms += share
            fresh.append((passed.sha256, vector))
    if cache is not None:
        cache.put(embedder.identity.trunk, fresh)


def _time(
    results: Sequence[Passed | InvariantSelectError],
    inputs: Mapping[str, Mapping[int, Vector]],
    metrics: Metrics | None,
) -> None:
    if metrics is None:
        return
    for number in sorted({number for waiting in inputs.values() for number in waiting}):
        passed = results[number]
        if isinstance(passed, Passed):
            metrics.stage("decode", passed.decode_ms)
            metrics.stage("encode", passed.encode_ms)


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
