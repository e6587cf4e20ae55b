"""Image files through one or several trunks: hashed, looked up, and only then decoded, once, and run.

What is looked up and kept are the trunks' vectors, by their fingerprints: encoders that differ only behind the trunk
share one forward pass and one entry of the cache, and an image whose domain changes needs no new one.
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
from invariantselect.errors import InvariantSelectError
from service.embedding_cache import EmbeddingCache
from service.metrics import Metrics

__all__ = ["Passed", "TrunkPasses"]

_AT_ONCE = 32  # preprocessed images in memory; a decoded picture, which may be a thousand times larger, only one

Vector = NDArray[np.float32]


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


@dataclass(frozen=True, eq=False)
class TrunkPasses:
    """Trunks, and what passing images through them takes.

    Attributes:
        trunks: By fingerprint of the trunk an encoder that has it; at least one.
        limits: What is refused.
        cache: Vectors that are known; None for no cache.
        metrics: Where the stages are timed; None for nowhere.
    """

    trunks: Mapping[str, Encoder]
    limits: DecodeLimits
    cache: EmbeddingCache | None
    metrics: Metrics | None

    def run(self, images: Sequence[bytes]) -> list[Passed | InvariantSelectError]:
        """The images with their vectors, in their order; an error in the place of one that can't be used."""
        results: list[Passed | InvariantSelectError] = []
        for begin in range(0, len(images), _AT_ONCE):
            results += self._run_some(images[begin : begin + _AT_ONCE])
        return results

    def _run_some(self, images: Sequence[bytes]) -> list[Passed | InvariantSelectError]:
        hashes = [hashlib.sha256(image).hexdigest() for image in images]
        known = {trunk: self._known(encoder, hashes) for trunk, encoder in self.trunks.items()}
        results: list[Passed | InvariantSelectError] = []
        inputs: dict[str, dict[int, Vector]] = {trunk: {} for trunk in self.trunks}
        for number, (image, sha256) in enumerate(zip(images, hashes, strict=True)):
            began = time.perf_counter()
            found = {trunk: vector for trunk in self.trunks if (vector := known[trunk][number]) is not None}
            lacking = {trunk: encoder for trunk, encoder in self.trunks.items() if trunk not in found}
            try:
                passed = Passed(sha256, probe(image, self.limits), found)
                made = _preprocessed(lacking, decode(image, self.limits)) if lacking else {}
            except InvariantSelectError as error:
                results.append(error)
                continue
            for trunk, pixels in made.items():
                inputs[trunk][number] = pixels
            passed.decode_ms = _ms_since(began) if lacking else 0.0
            results.append(passed)
        for trunk, encoder in self.trunks.items():
            self._forward(encoder, results, inputs[trunk])
        self._time(results, {number for waiting in inputs.values() for number in waiting})
        return results

    def _known(self, encoder: Encoder, hashes: Sequence[str]) -> list[Vector | None]:
        if self.cache is None:
            return [None] * len(hashes)
        return self.cache.get(encoder.identity.trunk, hashes, encoder.identity.trunk_dim)

    def _forward(
        self, encoder: Encoder, results: Sequence[Passed | InvariantSelectError], inputs: Mapping[int, Vector]
    ) -> None:
        if not inputs:
            return
        began = time.perf_counter()
        vectors = encoder.forward(np.stack(list(inputs.values())))
        spent = _ms_since(began)
        share = spent / len(inputs)
        if self.metrics is not None:
            self.metrics.batch(len(inputs), spent / 1000)
        fresh: list[tuple[str, Vector]] = []
        for number, vector in zip(inputs, vectors, strict=True):
            passed = results[number]
            if isinstance(passed, Passed):
                passed.vectors[encoder.identity.trunk] = vector
                passed.encode_ms += share
                fresh.append((passed.sha256, vector))
        if self.cache is not None:
            self.cache.put(encoder.identity.trunk, fresh)

    def _time(self, results: Sequence[Passed | InvariantSelectError], encoded: set[int]) -> None:
        for number in sorted(encoded if self.metrics is not None else ()):
            passed = results[number]
            if isinstance(passed, Passed) and self.metrics is not None:
                self.metrics.stage("decode", passed.decode_ms)
                self.metrics.stage("encode", passed.encode_ms)


def _preprocessed(trunks: Mapping[str, Encoder], picture: Image.Image) -> dict[str, Vector]:
    """The input of each trunk; made once for those that take the same."""
    different = {encoder.preprocessing: encoder for encoder in trunks.values()}
    made = {preprocessing: encoder.preprocess(picture) for preprocessing, encoder in different.items()}
    return {trunk: made[encoder.preprocessing] for trunk, encoder in trunks.items()}


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
