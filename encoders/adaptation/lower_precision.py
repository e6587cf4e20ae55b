"""The precision that trunks are trained in."""

from __future__ import annotations

import torch

__all__ = ["lower_precision"]


def lower_precision(kind: str) -> torch.autocast:
    """bfloat16 for what bears it, on CUDA; its range is float32's, so that gradients need no scaling.

    Args:
        kind: Of the device: ``cuda`` or ``cpu``, where nothing is changed.
    """
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=kind == "cuda")
