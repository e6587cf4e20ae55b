"""What an encoder asks of whatever runs its tower."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

__all__ = ["Runtime"]


@runtime_checkable  # so that type checks while testing can see it
class Runtime(Protocol):
    """Runs a tower's forward pass. Thread-safe.

    Attributes:
        name: ``onnxruntime`` or ``torch``.
        device: ``cpu``, ``cuda:0``, …
        precision: ``float32``, ``bfloat16``, ``float16`` or ``int8``.
        batch: How many images to give it at once for the best rate.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 -- described above
    @property
    def device(self) -> str: ...  # noqa: D102
    @property
    def precision(self) -> str: ...  # noqa: D102
    @property
    def batch(self) -> int: ...  # noqa: D102

    def features(self, batch: Float32[np.ndarray, "batch 3 side side"]) -> Float32[np.ndarray, "batch dim"]:
        """Pooled vectors of a preprocessed batch, not yet normalised."""
