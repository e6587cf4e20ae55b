"""A vector as it is stored in the tail: its numbers, and a checksum, as no page of SQLite's has one."""

from __future__ import annotations

import zlib

import numpy as np
from jaxtyping import Float32

__all__ = ["intact", "stored"]

_CHECKSUM_BYTES = 4


def stored(vector: Float32[np.ndarray, " dim"]) -> bytes:
    """The bytes of a vector: float32, then the CRC-32 of those, little-endian both."""
    numbers = vector.astype("<f4").tobytes()
    return numbers + zlib.crc32(numbers).to_bytes(_CHECKSUM_BYTES, "little")


def intact(content: bytes, dim: int) -> bytes | None:
    """The numbers of a stored vector; None where they were altered or cut off.

    Without a checksum they are taken as they are: earlier versions stored none.

    Args:
        content: As it is stored.
        dim: Length of the vector.
    """
    numbers, checksum = content[: 4 * dim], content[4 * dim :]
    if len(numbers) < 4 * dim:
        return None
    if not checksum:
        return numbers
    return numbers if checksum == zlib.crc32(numbers).to_bytes(_CHECKSUM_BYTES, "little") else None
