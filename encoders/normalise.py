"""Vectors of length one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from invariantselect.errors import InternalError

__all__ = ["l2_normalised"]


def l2_normalised(features: Float32[np.ndarray, "batch dim"]) -> Float32[np.ndarray, "batch dim"]:
    """Each row divided by its Euclidean length, which is computed in float64.

    Raises:
        InternalError: A row is zero or not finite: it has no direction, and passing it on would poison an index.
    """
    lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise InternalError("The encoder gave a vector that is zero or not finite.")
    return np.asarray(features / lengths, dtype=np.float32)
