"""Pools of a given size to measure on: any vectors, and one tiny image that all of them share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from encoders.decode import probe
from index.pool import Entry, Pool
from index.pools import Pools

BATCH = 1000


def fill(
    data: Path,
    *,
    name: str,
    encoder: str,
    fingerprint: str,
    dim: int,
    count: int,
    vectors: Callable[[int, int], NDArray[np.float32]] | None = None,
) -> Pool:
    """A pool of `count` demonstrations over 10 labels and 4 domains, sealed.

    `vectors` makes a block of them from its number and size; random unit vectors for None.
    """
    pool = Pools(data).create(name, encoder=encoder, fingerprint=fingerprint, dim=dim)
    for batch in _entries(fingerprint, count, vectors or _scattered(dim)):
        pool.write(batch)
    pool.seal()
    return pool


def _scattered(dim: int) -> Callable[[int, int], NDArray[np.float32]]:
    generator = np.random.default_rng(0)

    def block(_number: int, count: int) -> NDArray[np.float32]:
        vectors = generator.standard_normal((count, dim)).astype(np.float32)
        made: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return made

    return block


def _entries(fingerprint: str, count: int, block: Callable[[int, int], NDArray[np.float32]]) -> Iterator[list[Entry]]:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (120, 120, 120)).save(buffer, "PNG")
    image = buffer.getvalue()
    header = probe(image)
    for number, start in enumerate(range(0, count, BATCH)):
        vectors = block(number, min(BATCH, count - start))
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
