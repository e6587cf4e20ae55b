"""Vectors of length one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from invariantselect.errors import InternalError

__all__ = ["NOTHING", "directed", "l2_normalised"]

NOTHING = 1e-6
"""Length of features that are rounding."""


def l2_normalised(features: Float32[np.ndarray, "batch dim"]) -> Float32[np.ndarray, "batch dim"]:
    """Each row divided by its Euclidean length, which is computed in float64.

    Raises:
        InternalError: A row is zero or not finite: it has no direction, and passing it on would poison an index.
    """
    lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise InternalError("The encoder gave a vector that is zero or not finite.")
    return np.asarray(features / lengths, dtype=np.float32)


def directed(features: Float32[np.ndarray, "batch dim"]) -> Float32[np.ndarray, "batch dim"]:
    """Each row divided by its length, as in `l2_normalised`; one that is zero becomes that of (1, 1, …).

    For what a tower gives. Its last layer may be a ReLU, and where it was trained it may see nothing at all in an image
    unlike all that it learnt from, as a black one. All such images then have the same vector, which favours no feature.

    Raises:
        InternalError: A row is not finite.
    """
    empty = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True) < NOTHING
    return l2_normalised(np.where(empty, np.float32(1.0), features)) if empty.any() else l2_normalised(features)
