"""A batch of prepared images to their vectors by several encoders: each trunk runs once, then each calibrates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from encoders.encoder import Encoder
from index.demonstration import Entry
from index.preparation import Prepared
from invariantselect.errors import InternalError

__all__ = ["entries_of"]


def entries_of(encoders: Sequence[Encoder], batch: Sequence[Prepared]) -> list[Entry | InternalError]:
    """What is written of a batch: each image with its vector by each encoder, of the record's own domain.

    Args:
        encoders: Those of a pool's live versions.
        batch: Prepared for these encoders.

    Returns:
        What to write of each; an error in the place of one that a calibration leaves no direction.
    """
    known = [dict(each.known) for each in batch]
    failed: dict[int, InternalError] = {}
    trunks = {encoder.identity.trunk: encoder for encoder in encoders}
    for trunk, encoder in trunks.items():
        lacking = [number for number, each in enumerate(batch) if trunk in each.pixels and trunk not in known[number]]
        if lacking:
            vectors = encoder.forward(np.stack([batch[number].pixels[trunk] for number in lacking]))
            for number, vector in zip(lacking, vectors, strict=True):
                known[number][trunk] = vector
    for encoder in encoders:
        identity = encoder.identity
        lacking = [number for number in range(len(batch)) if identity.fingerprint not in known[number]]
        before = [known[number][identity.trunk] for number in lacking]
        domains = [batch[number].seen.record.domain for number in lacking]
        for number, vector in zip(lacking, _calibrated(encoder, before, domains), strict=True):
            if isinstance(vector, InternalError):
                failed[number] = vector
            else:
                known[number][identity.fingerprint] = vector
    wanted = [encoder.identity.fingerprint for encoder in encoders]
    return [
        failed.get(number) or _entry(each, {fingerprint: known[number][fingerprint] for fingerprint in wanted})
        for number, each in enumerate(batch)
    ]


def _calibrated(
    encoder: Encoder, trunks: Sequence[Float32[np.ndarray, " _"]], domains: Sequence[str | None]
) -> Sequence[Float32[np.ndarray, " _"] | InternalError]:
    if not trunks:
        return []
    try:
        return list(encoder.calibrate(np.stack(trunks), domains))
    except InternalError as error:
        if len(trunks) == 1:
            return [error]
        # One has no direction left: an image exactly in its domain's centre. The others have.
        each = [_calibrated(encoder, [trunk], [domain]) for trunk, domain in zip(trunks, domains, strict=True)]
        return [vector for (vector,) in each]


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
