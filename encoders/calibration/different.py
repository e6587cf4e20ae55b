"""Vectors of different images: copies of one tell nothing more about what the images of a domain share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

__all__ = ["different"]

_SAME_TO_DIGITS = 5  # of a number of a unit vector: less is an image that was compressed again


def different(vectors: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "some dim"]:
    """One vector of each different image.

    The mean of copies is the image itself, and centring by it would leave nothing.

    Args:
        vectors: (n, dim) float32, L2-normalised.
    """
    _, first = np.unique(np.round(vectors, _SAME_TO_DIGITS), axis=0, return_index=True)
    found: Float32[np.ndarray, "some dim"] = vectors[first]
    return found
