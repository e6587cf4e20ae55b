"""Entries to write into pools under test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from encoders.decode import ImageHeader
from index.pool import Entry, Pool
from index.pools import Pools

FINGERPRINT = "f" * 64
DIM = 16
HEADER = ImageHeader(format="PNG", media_type="image/png", width=8, height=6)


def vector_of_image(image: bytes, dim: int = DIM) -> np.ndarray:
    """The same image always has the same vector, as with an encoder."""
    generator = np.random.default_rng(np.frombuffer(image.ljust(8, b"\0"), dtype=np.uint8))
    vector = generator.standard_normal(dim).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def entry(id: str, image: bytes | None = None, *, label: str = "cat", dim: int = DIM, **rest: Any) -> Entry:
    content = f"image of {id}".encode() if image is None else image
    values = {"vectors": {FINGERPRINT: vector_of_image(content, dim)}, **rest}
    return Entry(id=id, image=content, header=HEADER, label=label, **values)


def make_pool(data: Path, name: str = "pool", *, dim: int = DIM, seal_at: int = 4096) -> Pool:
    return Pools(data, seal_at=seal_at).create(name, "fake", FINGERPRINT, dim)
