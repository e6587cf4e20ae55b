"""Image files become vectors: hashed, looked up, and only then decoded and encoded. One broken image fails alone.

What is looked up and kept are the trunk's vectors, by the trunk's fingerprint: encoders that differ only behind it
share one forward pass and one entry of the cache, and an image whose domain changes needs no new one.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from encoders.decode import DecodeLimits, ImageHeader, decode, probe
from encoders.encoder import Encoder
from invariantselect.errors import InternalError, InvariantSelectError
from service.embedding_cache import EmbeddingCache
from service.metrics import Metrics

__all__ = ["Embedded", "Embedder"]

_AT_ONCE = 32  # preprocessed images in memory; a decoded picture, which may be a thousand times larger, only one


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
        self._encoder = encoder
        self._limits = limits
        self._cache = cache
        self._metrics = metrics

    def embed(
        self, images: Sequence[bytes], domains: Sequence[str | None] | None = None
    ) -> list[Embedded | InvariantSelectError]:
        """Vectors of image files, in their order; an error in the place of an image that can't be used.

        Args:
            images: Image files.
            domains: Domain of each, None where it isn't known; None for none known.
        """
        results: list[Embedded | InvariantSelectError] = []
        for begin in range(0, len(images), _AT_ONCE):
            results += self._seen(images[begin : begin + _AT_ONCE])
        return self.calibrated(results, domains)

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
        vectors = self._calibrate([result.trunk for _, result, _ in sound], [domain for *_, domain in sound])
        done = list(results)
        for (number, result, _), vector in zip(sound, vectors, strict=True):
            done[number] = vector if isinstance(vector, InvariantSelectError) else replace(result, vector=vector)
        return done

    def _calibrate(
        self, trunks: Sequence[Vector], domains: Sequence[str | None]
    ) -> Sequence[Vector | InvariantSelectError]:
        if not trunks:
            return []
        try:
            return list(self._encoder.calibrate(np.stack(trunks), domains))
        except InternalError as error:
            # One vector has no direction left, that of an image exactly in its domain's centre. The others have.
            if len(trunks) == 1:
                return [error]
            each = [self._calibrate([trunk], [domain]) for trunk, domain in zip(trunks, domains, strict=True)]
            return [vector for (vector,) in each]

    def _seen(self, images: Sequence[bytes]) -> list[Embedded | InvariantSelectError]:
        """The trunk's vectors of some images; the encoder's own are still the same."""
        hashes = [hashlib.sha256(image).hexdigest() for image in images]
        known = self._known(hashes)
        results: list[Embedded | InvariantSelectError] = []
        inputs: dict[int, Vector] = {}
        for number, (image, sha256, trunk) in enumerate(zip(images, hashes, known, strict=True)):
            began = time.perf_counter()
            try:
                header = probe(image, self._limits)
                if trunk is None:
                    inputs[number] = self._encoder.preprocess(decode(image, self._limits))
            except InvariantSelectError as error:
                results.append(error)
                continue
            spent = 0.0 if trunk is not None else _ms_since(began)
            vector = np.zeros(0, np.float32) if trunk is None else trunk
            results.append(Embedded(sha256, header, vector, vector, decode_ms=spent))
        return self._with_forward_pass(results, inputs)

    def _known(self, hashes: Sequence[str]) -> list[Vector | None]:
        if self._cache is None:
            return [None] * len(hashes)
        return self._cache.get(self.identity.trunk, hashes, self.identity.trunk_dim)

    def _with_forward_pass(
        self, results: list[Embedded | InvariantSelectError], inputs: Mapping[int, Vector]
    ) -> list[Embedded | InvariantSelectError]:
        if not inputs:
            return results
        began = time.perf_counter()
        trunks = self._encoder.forward(np.stack(list(inputs.values())))
        share = _ms_since(began) / len(inputs)
        fresh: list[tuple[str, Vector]] = []
        for number, trunk in zip(inputs, trunks, strict=True):
            decoded = results[number]
            if isinstance(decoded, Embedded):
                results[number] = replace(decoded, trunk=trunk, vector=trunk, encode_ms=share)
                fresh.append((decoded.sha256, trunk))
                self._time(decoded.decode_ms, share)
        if self._cache is not None:
            self._cache.put(self.identity.trunk, fresh)
        return results

    def _time(self, decode_ms: float, encode_ms: float) -> None:
        if self._metrics is not None:
            self._metrics.stage("decode", decode_ms)
            self._metrics.stage("encode", encode_ms)


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
