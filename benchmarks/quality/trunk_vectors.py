"""Vectors of images by a trunk that was trained, as the product computes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float32

from benchmarks.quality.image_set import ImageSet
from encoders.normalise import directed
from encoders.runtime.running import run
from encoders.tower import Tower

__all__ = ["trunk_vectors"]


def trunk_vectors(
    tower: Tower, images: ImageSet, places: Sequence[int], *, device: str = "cpu", runtime: str = "auto"
) -> Float32[np.ndarray, "places dim"]:
    """(places, dim) float32, L2-normalised.

    Args:
        tower: The trunk.
        images: The set.
        places: Of the images.
        device: Where it runs.
        runtime: As of `encoders.runtime.running.run`.
    """
    parts = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads, TemporaryDirectory() as exports:
        running = run(tower, name="trained", runtime=runtime, device=device, precision=None, exports=Path(exports))
        step = running.runtime.batch
        for start in range(0, len(places), step):
            inputs = threads.map(
                lambda place: tower.preprocessing.apply(images.image(place)), places[start : start + step]
            )
            parts.append(running.runtime.features(np.stack(list(inputs))))
    return directed(np.concatenate(parts))
