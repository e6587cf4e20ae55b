"""A batch through a trunk; where it fails as a whole, each image alone, so that one can't fail the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from encoders.encoder import Encoder

__all__ = ["ForwardEach", "Vector", "forward_each"]

Vector: TypeAlias = NDArray[np.float32]

ForwardEach: TypeAlias = Callable[[Encoder, Sequence[Vector]], list[Vector | Exception]]
"""Puts preprocessed images, (3, side, side) float32 each, through a trunk: a vector or an error for each."""


def forward_each(encoder: Encoder, inputs: Sequence[Vector]) -> list[Vector | Exception]:
    """The trunk's vectors of preprocessed images, (trunk_dim,) float32 each; an error in the place of one that fails.

    Args:
        encoder: Whose trunk.
        inputs: (3, side, side) float32 each, of the encoder's `preprocess`; at least one.
    """
    try:
        return list(encoder.forward(np.stack(inputs)))
    except Exception as error:  # noqa: BLE001 -- torch's and ONNX Runtime's share no base class; whoever asked raises it
        if len(inputs) == 1:
            return [error]
        return [result for alone in inputs for result in forward_each(encoder, [alone])]
