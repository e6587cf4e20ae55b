"""Vectors of images by a trunk that was trained, as the product computes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float32

from benchmarks.quality.image_set import ImageSet
from encoders.normalise import directed
from encoders.runtime.torch_runtime import TorchRuntime
from encoders.tower import Tower

__all__ = ["trunk_vectors"]

_BATCH = 64


def trunk_vectors(
    tower: Tower, images: ImageSet, places: Sequence[int], *, device: str = "cpu"
) -> Float32[np.ndarray, "places dim"]:
    """(places, dim) float32, L2-normalised.

    Args:
        tower: The trunk.
        images: The set.
        places: Of the images.
        device: Where it runs.
    """
    runtime = TorchRuntime(tower.build(), device=device)
    parts = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for start in range(0, len(places), _BATCH):
            inputs = threads.map(
                lambda place: tower.preprocessing.apply(images.image(place)), places[start : start + _BATCH]
            )
            parts.append(runtime.features(np.stack(list(inputs))))
    return directed(np.concatenate(parts))
