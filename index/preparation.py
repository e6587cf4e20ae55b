"""From a record to what encoders and the pool need, in steps that run in threads and fail one record at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from encoders.decode import DecodeLimits, ImageHeader, decode, probe
from encoders.encoder import Encoder
from index.sources.record import KnownVector, Record
from invariantselect.errors import ImageUnreadableError, InvalidVectorError, InvariantSelectError

__all__ = ["Failed", "Prepared", "Seen", "Vectors", "prepare", "read_image", "serves"]

Vectors: TypeAlias = Mapping[str, Float32[np.ndarray, " _"]]
"""Vectors of one image, (dim,) float32, by the fingerprint of an encoder or of a trunk."""

_NORM_TOLERANCE = 0.01  # half-precision encoders normalise no better


@dataclass(frozen=True, eq=False)
class Seen:
    """A record whose image was read.

    Attributes:
        record: Where it comes from.
        image: The image file.
        sha256: Its hash.
        known: By fingerprint, vectors that the pool has of this image: of its trunks, or with this record's domain.
    """

    record: Record
    image: bytes
    sha256: str
    known: Vectors = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A record of which every encoder's vector is known, or is a calibration or a forward pass away.

    Attributes:
        seen: Where it comes from.
        header: Of the image.
        known: By fingerprint of an encoder or of a trunk, (dim,) float32, L2-normalised.
        pixels: By fingerprint of a trunk that has to run, its input, (3, side, side) float32.
    """

    seen: Seen
    header: ImageHeader
    known: Vectors
    pixels: Mapping[str, Float32[np.ndarray, "3 side side"]]


@dataclass(frozen=True, eq=False)
class Failed:
    """A record that can't be taken in, and why."""

    record: Record
    error: InvariantSelectError


def read_image(record: Record) -> Seen | Failed:
    """Read and hash a record's image; nothing is decoded."""
    try:
        image = record.read()
    except InvariantSelectError as error:
        return Failed(record, error)
    except OSError as error:
        return Failed(record, ImageUnreadableError(f"The image can't be read: {error.strerror or error}."))
    return Seen(record, image, hashlib.sha256(image).hexdigest())


def prepare(encoders: Sequence[Encoder], limits: DecodeLimits, seen: Seen) -> Prepared | Failed:
    """Decode an image once and preprocess it for the trunks that must run; where none must, only read the header."""
    try:
        known = {**_brought(seen.record.vector, encoders), **seen.known}
        trunks = {encoder.identity.trunk: encoder for encoder in encoders if not _within_reach(encoder, known)}
        if not trunks:
            return Prepared(seen, probe(seen.image, limits), known, {})
        image = decode(seen.image, limits)
        different = {encoder.preprocessing: encoder for encoder in trunks.values()}
        inputs = {preprocessing: encoder.preprocess(image) for preprocessing, encoder in different.items()}
        pixels = {trunk: inputs[encoder.preprocessing] for trunk, encoder in trunks.items()}
        return Prepared(seen, probe(seen.image, limits), known, pixels)
    except InvariantSelectError as error:
        return Failed(seen.record, error)
    except MemoryError:
        return Failed(seen.record, ImageUnreadableError("There is not enough memory to decode the image."))


def serves(prepared: Prepared, encoders: Sequence[Encoder]) -> bool:
    """Whether it was prepared for all of these encoders."""
    return all(
        encoder.identity.trunk in prepared.pixels or _within_reach(encoder, prepared.known) for encoder in encoders
    )


def _within_reach(encoder: Encoder, known: Vectors) -> bool:
    return encoder.identity.fingerprint in known or encoder.identity.trunk in known


def _brought(vector: KnownVector | None, encoders: Sequence[Encoder]) -> Vectors:
    """The vector that a record brings along, if one of the encoders made it."""
    for encoder in encoders:
        if vector is not None and vector.fingerprint == encoder.identity.fingerprint:
            return {vector.fingerprint: _checked(vector.values, encoder.identity.dim)}
    return {}


def _checked(values: Float32[np.ndarray, " _"], dim: int) -> Float32[np.ndarray, " dim"]:
    if values.shape != (dim,):
        raise InvalidVectorError(f"The vector has {values.size} numbers; the pool's have {dim}.")
    norm = float(np.linalg.norm(values.astype(np.float64)))
    if not abs(norm - 1.0) <= _NORM_TOLERANCE:  # NaN isn't
        raise InvalidVectorError(f"The vector has length {norm:.3g}, where encoders make vectors of length 1.")
    return values
