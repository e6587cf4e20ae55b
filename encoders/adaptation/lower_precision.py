"""The precision that trunks are trained in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from encoders.adaptation.half_products import HalfProducts

__all__ = ["lower_precision"]


def lower_precision(kind: str, *, half_products: bool = False) -> AbstractContextManager[Any]:
    """bfloat16 for what bears it; its range is float32's, so that gradients need no scaling.

    Args:
        kind: Of the device: ``cuda``, where torch knows what bears it, or ``cpu``.
        half_products: Whether a cpu takes it for products; else it computes in float32.
    """
    if kind == "cuda":
        return torch.autocast(kind, dtype=torch.bfloat16)
    return HalfProducts() if half_products else nullcontext()
