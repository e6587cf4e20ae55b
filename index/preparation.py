"""From a record to what the encoder and the pool need, in steps that run in threads and fail one record at a time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from encoders.decode import DecodeLimits, ImageHeader, decode, probe
from encoders.encoder import Encoder
from index.sources.record import KnownVector, Record
from invariantselect.errors import ImageUnreadableError, InvalidVectorError, InvariantSelectError

__all__ = ["Failed", "Prepared", "Seen", "prepare", "read_image"]

_NORM_TOLERANCE = 0.01  # half-precision encoders normalise no better


@dataclass(frozen=True, eq=False)
class Seen:
    """A record whose image was read."""

    record: Record
    image: bytes
    sha256: str


@dataclass(frozen=True, eq=False)
class Prepared:
    """A record whose image is the encoder's input by now, or whose vector is known; one of the two is None.

    Attributes:
        seen: Where it comes from.
        header: Of the image.
        pixels: (3, side, side) float32.
        vector: (dim,) float32, L2-normalised.
    """

    seen: Seen
    header: ImageHeader
    pixels: Float32[np.ndarray, "3 side side"] | None
    vector: Float32[np.ndarray, " dim"] | None


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


def prepare(encoder: Encoder, limits: DecodeLimits, seen: Seen) -> Prepared | Failed:
    """Decode and preprocess an image; of one whose vector is known in this encoder's space, only read the header."""
    try:
        known = seen.record.vector
        if known is not None and known.fingerprint == encoder.identity.fingerprint:
            header = probe(seen.image, limits)
            return Prepared(seen, header, None, _checked(known, encoder.identity.dim))
        image = decode(seen.image, limits)
        return Prepared(seen, probe(seen.image, limits), encoder.preprocess(image), None)
    except InvariantSelectError as error:
        return Failed(seen.record, error)
    except MemoryError:
        return Failed(seen.record, ImageUnreadableError("There is not enough memory to decode the image."))


def _checked(known: KnownVector, dim: int) -> Float32[np.ndarray, " dim"]:
    values = known.values
    if values.shape != (dim,):
        raise InvalidVectorError(f"The vector has {values.size} numbers; the pool's have {dim}.")
    norm = float(np.linalg.norm(values.astype(np.float64)))
    if not abs(norm - 1.0) <= _NORM_TOLERANCE:  # NaN isn't
        raise InvalidVectorError(f"The vector has length {norm:.3g}, where encoders make vectors of length 1.")
    return values
