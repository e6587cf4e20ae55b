"""Entries to write into pools under test, with the vectors that three encoders make of them.

The first is what pools are made with. The second looks at domains and sees images; the third is made from the first's
vectors, as an encoder with the same trunk is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from encoders.decode import ImageHeader
from index.encoder_version import EncoderVersion
from index.pool import Entry, Pool
from index.recoding import RowsToEncode
from tests.catalogs import Pools

FINGERPRINT = "f" * 64
SECOND, THIRD = "2" * 64, "3" * 64
DIM = 16
DIMS = {FINGERPRINT: DIM, SECOND: 8, THIRD: 12}
HEADER = ImageHeader(format="PNG", media_type="image/png", width=8, height=6)


def vector_of_image(image: bytes, dim: int = DIM) -> np.ndarray:
    """The same image always has the same vector, as with an encoder."""
    generator = np.random.default_rng(np.frombuffer(image.ljust(8, b"\0"), dtype=np.uint8))
    vector = generator.standard_normal(dim).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def second_vector(image: bytes, domain: str | None) -> np.ndarray:
    return vector_of_image(f"{domain}|".encode() + image, DIMS[SECOND])


def third_vector(first: np.ndarray) -> np.ndarray:
    return first[: DIMS[THIRD]] / np.float32(np.linalg.norm(first[: DIMS[THIRD]]))


def vectors_of(image: bytes, domain: str | None, dim: int = DIM) -> dict[str, np.ndarray]:
    first = vector_of_image(image, dim)
    if dim != DIM:
        return {FINGERPRINT: first}
    return {FINGERPRINT: first, SECOND: second_vector(image, domain), THIRD: third_vector(first)}


def entry(id: str, image: bytes | None = None, *, label: str = "cat", dim: int = DIM, **rest: Any) -> Entry:
    content = f"image of {id}".encode() if image is None else image
    values = {"vectors": vectors_of(content, rest.get("domain"), dim), **rest}
    return Entry(id=id, image=content, header=HEADER, label=label, **values)


def with_domain(old: Entry, domain: str | None) -> Entry:
    return replace(old, domain=domain, vectors=vectors_of(old.image, domain))


def make_pool(data: Path, name: str = "pool", *, dim: int = DIM, seal_at: int = 4096) -> Pool:
    return Pools(data, seal_at=seal_at).create(name, "fake", FINGERPRINT, dim)


def add_version(pool: Pool, fingerprint: str) -> int:
    """Add the second or the third encoder as a candidate; its number."""
    added = pool.add_version(
        encoder=f"adapted-{fingerprint[:1]}",
        fingerprint=fingerprint,
        dim=DIMS[fingerprint],
        looks_at_domains=fingerprint == SECOND,
        lineage={"parent": 1},
    )
    return added.number


def recode_first(given: RowsToEncode) -> np.ndarray:
    return np.stack([vector_of_image(image) for image in given.images()])


def recode_second(given: RowsToEncode) -> np.ndarray:
    return np.stack([second_vector(*each) for each in zip(given.images(), given.domains, strict=True)])


def recode_third(given: RowsToEncode) -> np.ndarray:
    return np.stack([third_vector(vector) for vector in given.vectors()])


def recode_for(version: EncoderVersion):
    return {FINGERPRINT: recode_first, SECOND: recode_second, THIRD: recode_third}[version.fingerprint]
