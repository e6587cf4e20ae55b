"""Images by a trained back, from the activations that the frozen front made of them."""

from __future__ import annotations

import time

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import nn

from encoders.adaptation.activations import Activations
from encoders.adaptation.watch import SILENT, Watch
from encoders.normalise import directed

__all__ = ["encoded", "seconds_to_encode"]

_AT_ONCE = 64


def encoded(
    back: nn.Module,
    activations: Activations,
    places: Int64[np.ndarray, " n"],
    *,
    device: str = "cpu",
    watch: Watch = SILENT,
) -> Float32[np.ndarray, "n dim"]:
    """Vectors of the images as queries are seen.

    Args:
        back: In evaluation mode, on the device.
        activations: Of all images.
        places: (n,) which of them.
        device: Where the back runs.
        watch: Asked whether to go on.

    Returns:
        (n, dim) float32, L2-normalised, a zero as `encoders.normalise.directed` says.
    """
    parts = []
    for start in range(0, len(places), _AT_ONCE):
        watch.check()
        parts.append(_features(back, activations, places[start : start + _AT_ONCE], device))
    return directed(np.concatenate(parts))


def seconds_to_encode(back: nn.Module, activations: Activations, count: int, *, device: str = "cpu") -> float:
    """How long `encoded` takes here for all images, by the pace of a few."""
    some = np.arange(min(_AT_ONCE, count))
    _features(back, activations, some, device)  # the first run chooses kernels
    began = time.monotonic()
    _features(back, activations, some, device)
    return (time.monotonic() - began) * count / len(some)


def _features(
    back: nn.Module, activations: Activations, places: np.ndarray, device: str
) -> Float32[np.ndarray, "batch dim"]:
    with torch.inference_mode():
        features: np.ndarray = back(activations.clean(places).to(device)).float().cpu().numpy()
    return features
