"""Image files become vectors: hashed, looked up, and only then decoded and encoded. One broken image fails alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from encoders.decode import DecodeLimits, ImageHeader, decode, probe
from encoders.encoder import Encoder
from invariantselect.errors import InvariantSelectError
from service.embedding_cache import EmbeddingCache
from service.metrics import Metrics

__all__ = ["Embedded", "Embedder"]

_AT_ONCE = 32  # preprocessed images in memory; a decoded picture, which may be a thousand times larger, only one


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
    vector: NDArray[np.float32]
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

    def embed(self, images: Sequence[bytes]) -> list[Embedded | InvariantSelectError]:
        """Vectors of image files, in their order; an error in the place of an image that can't be used."""
        results: list[Embedded | InvariantSelectError] = []
        for begin in range(0, len(images), _AT_ONCE):
            results += self._embed_some(images[begin : begin + _AT_ONCE])
        return results

    def _embed_some(self, images: Sequence[bytes]) -> list[Embedded | InvariantSelectError]:
        hashes = [hashlib.sha256(image).hexdigest() for image in images]
        known = self._known(hashes)
        results: list[Embedded | InvariantSelectError] = []
        inputs: dict[int, NDArray[np.float32]] = {}
        for number, (image, sha256, vector) in enumerate(zip(images, hashes, known, strict=True)):
            began = time.perf_counter()
            try:
                header = probe(image, self._limits)
                if vector is None:
                    inputs[number] = self._encoder.preprocess(decode(image, self._limits))
            except InvariantSelectError as error:
                results.append(error)
                continue
            spent = 0.0 if vector is not None else _ms_since(began)
            empty = np.zeros(0, np.float32)
            results.append(Embedded(sha256, header, empty if vector is None else vector, decode_ms=spent))
        return self._with_vectors(results, inputs)

    def _known(self, hashes: Sequence[str]) -> list[NDArray[np.float32] | None]:
        if self._cache is None:
            return [None] * len(hashes)
        return self._cache.get(self.identity.fingerprint, hashes, self.identity.dim)

    def _with_vectors(
        self, results: list[Embedded | InvariantSelectError], inputs: dict[int, NDArray[np.float32]]
    ) -> list[Embedded | InvariantSelectError]:
        if not inputs:
            return results
        began = time.perf_counter()
        vectors = self._encoder.forward(np.stack(list(inputs.values())))
        share = _ms_since(began) / len(inputs)
        fresh: list[tuple[str, NDArray[np.float32]]] = []
        for number, vector in zip(inputs, vectors, strict=True):
            decoded = results[number]
            if isinstance(decoded, Embedded):
                results[number] = replace(decoded, vector=vector, encode_ms=share)
                fresh.append((decoded.sha256, vector))
                self._time(decoded.decode_ms, share)
        if self._cache is not None:
            self._cache.put(self.identity.fingerprint, fresh)
        return results

    def _time(self, decode_ms: float, encode_ms: float) -> None:
        if self._metrics is not None:
            self._metrics.stage("decode", decode_ms)
            self._metrics.stage("encode", encode_ms)


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
