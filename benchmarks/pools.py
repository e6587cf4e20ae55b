"""Pools of a given size to measure on: random unit vectors, and one tiny image that all of them share."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from encoders.decode import probe
from index.pool import Entry, Pool
from index.pools import Pools

BATCH = 1000


def fill(data: Path, *, name: str, encoder: str, fingerprint: str, dim: int, count: int) -> Pool:
    """A pool of `count` demonstrations over 10 labels and 4 domains, sealed."""
    pool = Pools(data).create(name, encoder=encoder, fingerprint=fingerprint, dim=dim)
    for batch in _entries(fingerprint, dim, count):
        pool.write(batch)
    pool.seal()
    return pool


def _entries(fingerprint: str, dim: int, count: int) -> Iterator[list[Entry]]:
    generator = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (120, 120, 120)).save(buffer, "PNG")
    image = buffer.getvalue()
    header = probe(image)
    for start in range(0, count, BATCH):
        vectors = generator.standard_normal((min(BATCH, count - start), dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        yield [
            Entry(
                id=f"demonstration-{start + offset:07d}",
                image=image,
                header=header,
                label=f"label-{(start + offset) % 10}",
                domain=f"domain-{(start + offset) % 4}",
                group=None,
                metadata={},
                vectors={fingerprint: vector},
            )
            for offset, vector in enumerate(vectors)
        ]
