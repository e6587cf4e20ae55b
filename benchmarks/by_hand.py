"""The bare work that the service is compared with: decode, encode, FAISS, in a loop, with nothing around it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import faiss
import numpy as np

from encoders.decode import decode
from encoders.encoder import Encoder


def seconds(encoder: Encoder, index: faiss.IndexFlatIP, images: Sequence[bytes], *, k: int = 7) -> float:
    """How long the loop takes for these images, one after the other."""
    begin = time.perf_counter()
    for image in images:
        index.search(encoder.encode([decode(image)]), k)
    return time.perf_counter() - begin


def flat_index(dim: int, count: int) -> faiss.IndexFlatIP:
    """A bare exact index over `count` random unit vectors, in memory."""
    generator = np.random.default_rng(0)
    index = faiss.IndexFlatIP(dim)
    for start in range(0, count, 10_000):
        vectors = generator.standard_normal((min(10_000, count - start), dim)).astype(np.float32)
        index.add(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return index
