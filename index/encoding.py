"""A batch of prepared images to their vectors by several encoders: each trunk runs once, then each calibrates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from encoders.encoder import Encoder
from index.demonstration import Entry
from index.preparation import Prepared

__all__ = ["entries_of"]


def entries_of(encoders: Sequence[Encoder], batch: Sequence[Prepared]) -> list[Entry]:
    """What is written of a batch: each image with its vector by each encoder, of the record's own domain.

    Args:
        encoders: Those of a pool's live versions.
        batch: Prepared for these encoders.
    """
    known = [dict(each.known) for each in batch]
    trunks = {encoder.identity.trunk: encoder for encoder in encoders}
    for trunk, encoder in trunks.items():
        lacking = [number for number, each in enumerate(batch) if trunk in each.pixels and trunk not in known[number]]
        if lacking:
            vectors = encoder.forward(np.stack([batch[number].pixels[trunk] for number in lacking]))
            _keep(known, trunk, lacking, vectors)
    for encoder in encoders:
        identity = encoder.identity
        lacking = [number for number in range(len(batch)) if identity.fingerprint not in known[number]]
        if lacking:
            vectors = np.stack([known[number][identity.trunk] for number in lacking])
            domains = [batch[number].seen.record.domain for number in lacking]
            _keep(known, identity.fingerprint, lacking, encoder.calibrate(vectors, domains))
    wanted = [encoder.identity.fingerprint for encoder in encoders]
    return [
        _entry(each, {fingerprint: vectors[fingerprint] for fingerprint in wanted})
        for each, vectors in zip(batch, known, strict=True)
    ]


def _keep(
    known: Sequence[dict[str, Float32[np.ndarray, " _"]]],
    fingerprint: str,
    numbers: Sequence[int],
    vectors: Float32[np.ndarray, "n dim"],
) -> None:
    for number, vector in zip(numbers, vectors, strict=True):
        known[number][fingerprint] = vector


def _entry(each: Prepared, vectors: dict[str, Float32[np.ndarray, " _"]]) -> Entry:
    record = each.seen.record
    return Entry(
        id=record.id,
        image=each.seen.image,
        header=each.header,
        label=record.label,
        vectors=vectors,
        domain=record.domain,
        group=record.group,
        metadata=record.metadata,
    )
