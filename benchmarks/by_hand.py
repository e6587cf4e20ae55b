"""The bare work that the service is compared with: decode, encode, FAISS, in a loop, with nothing around it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import faiss
import numpy as np
from jaxtyping import Float32

from encoders.decode import decode
from encoders.encoder import Encoder

BATCH = 32


def seconds(encoder: Encoder, index: faiss.IndexFlatIP, images: Sequence[bytes], *, k: int = 7) -> float:
    """How long the loop takes for these images, one after the other."""
    begin = time.perf_counter()
    for image in images:
        index.search(encoder.encode([decode(image)]), k)
    return time.perf_counter() - begin


def seconds_in_batches(encoder: Encoder, index: faiss.IndexFlatIP, images: Sequence[bytes], *, k: int = 7) -> float:
    """How long it takes in batches: each is decoded, encoded and searched together."""
    begin = time.perf_counter()
    for start in range(0, len(images), BATCH):
        index.search(encoder.encode([decode(image) for image in images[start : start + BATCH]]), k)
    return time.perf_counter() - begin


def search_seconds(index: faiss.IndexFlatIP, vectors: Float32[np.ndarray, "n dim"], *, k: int = 7) -> float:
    """How long FAISS takes for these vectors, one after the other."""
    begin = time.perf_counter()
    for vector in vectors:
        index.search(vector[np.newaxis], k)
    return time.perf_counter() - begin


def unit_vectors(dim: int, count: int, *, seed: int = 0) -> Float32[np.ndarray, "count dim"]:
    """Random unit vectors."""
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    unit: Float32[np.ndarray, "count dim"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def flat_index(dim: int, count: int) -> faiss.IndexFlatIP:
    """A bare exact index over `count` random unit vectors, in memory."""
    index = faiss.IndexFlatIP(dim)
    for start in range(0, count, 10_000):
        index.add(unit_vectors(dim, min(10_000, count - start), seed=start))
    return index
