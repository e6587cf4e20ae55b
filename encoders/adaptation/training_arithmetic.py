"""How trunks compute while they are trained: the precision, and detours around what a device is slow at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from encoders.adaptation.half_products import HalfProducts
from encoders.adaptation.small_maps import SmallMaps

__all__ = ["training_arithmetic"]


@contextmanager
def training_arithmetic(kind: str, *, half_products: bool = False) -> Iterator[None]:
    """bfloat16 for what bears it; its range is float32's, so that gradients need no scaling.

    Args:
        kind: Of the device: ``cuda``, where torch knows what bears it, or ``cpu``.
        half_products: Whether a cpu takes it for products; else it computes in float32.
    """
    if kind == "cuda":
        with torch.autocast(kind, dtype=torch.bfloat16):
            yield
    else:
        with SmallMaps(), HalfProducts() if half_products else nullcontext():
            yield
