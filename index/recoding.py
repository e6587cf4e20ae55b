"""Encoding what a pool holds by another of its encoders, from the vectors it has or from its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32, Int64

from encoders.decode import DecodeLimits, decode
from encoders.encoder import Encoder
from index.encoder_version import EncoderVersion
from invariantselect.errors import InvalidVectorError

__all__ = ["Recode", "RecodeFor", "RowsToEncode", "recode_by", "recoded"]

_LARGEST_NORM = 1e6


class RowsToEncode:
    """Demonstrations that an encoder version lacks vectors of. What is needed of them is read when it is asked for.

    Args:
        rows: (n,) int64, their rows in the pool.
        domains: Domain of each, None where it isn't known.
        vectors: Reads the vectors of version 1 at offsets among these.
        images: Reads the image files at offsets.
    """

    def __init__(
        self,
        rows: Int64[np.ndarray, " n"],
        domains: Sequence[str | None],
        *,
        vectors: Callable[[Int64[np.ndarray, " m"]], Float32[np.ndarray, "m dim"]],
        images: Callable[[Int64[np.ndarray, " m"]], list[bytes]],
    ) -> None:
        self.rows = rows
        self.domains = list(domains)
        self._vectors = vectors
        self._images = images

    def vectors(self) -> Float32[np.ndarray, "n dim"]:
        """Their vectors of version 1, (n, dim) float32: all that an encoder with the same trunk needs."""
        return self._vectors(np.arange(len(self.rows)))

    def images(self) -> list[bytes]:
        """Their image files."""
        return self._images(np.arange(len(self.rows)))

    def only(self, offsets: Int64[np.ndarray, " m"]) -> RowsToEncode:
        """Those at some offsets."""
        return RowsToEncode(
            self.rows[offsets],
            [self.domains[offset] for offset in offsets.tolist()],
            vectors=lambda inner: self._vectors(offsets[inner]),
            images=lambda inner: self._images(offsets[inner]),
        )


Recode: TypeAlias = Callable[[RowsToEncode], Float32[np.ndarray, "n dim"]]
"""Demonstrations to their vectors by one encoder version, (n, dim) float32, L2-normalised."""

RecodeFor: TypeAlias = Callable[[EncoderVersion], Recode]
"""An encoder version to what encodes by it."""


def recode_by(encoder: Encoder, frozen: str, limits: DecodeLimits, *, from_images: bool = False) -> Recode:
    """What encodes a pool's demonstrations by an encoder, without a forward pass where version 1 is its trunk.

    Args:
        encoder: Of the version.
        frozen: Fingerprint of the pool's version 1.
        limits: How large an image may be.
        from_images: Never use version 1's vectors: they are lost, damaged, or to be made.
    """

    def recode(given: RowsToEncode) -> Float32[np.ndarray, "n dim"]:
        if encoder.identity.trunk == frozen and not from_images:
            trunk = given.vectors()
        else:
            # One decoded picture at a time: it may be a thousand times larger than what the encoder sees of it.
            inputs = [encoder.preprocess(decode(image, limits)) for image in given.images()]
            trunk = encoder.forward(np.stack(inputs))
        return encoder.calibrate(trunk, given.domains)

    return recode


def recoded(recode: Recode, given: RowsToEncode, dim: int) -> Float32[np.ndarray, "n dim"]:
    """The vectors that `recode` makes, checked.

    Raises:
        InvalidVectorError: They are not (n, dim) finite numbers, or one is zero or far from normalised.
    """
    vectors = np.asarray(recode(given), dtype=np.float32)
    if vectors.shape == (len(given.rows), dim):
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if ((norms > 1 / _LARGEST_NORM) & (norms < _LARGEST_NORM)).all():  # NaN isn't
            return vectors
    raise InvalidVectorError(
        f"the encoder made {vectors.shape} for {len(given.rows)} images, the pool needs {dim} finite numbers each",
        hint="Encode with the encoder that the version was made with.",
    )
