"""The thumbnails of a pool, by which the leakage guard knows copies: each image is decoded once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from encoders.adaptation.watch import Watch
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.kept_arrays import keep, kept
from evaluation.thumbnail import thumbnail

__all__ = ["thumbnails_of"]

_FILE = "thumbnails.npz"
_AT_ONCE = 64


def thumbnails_of(pool: EvaluatedPool, folder: Path, watch: Watch) -> Float32[np.ndarray, "images pixels"]:
    """A thumbnail of each image.

    Args:
        pool: Whose images they are.
        folder: Where they are kept for a later run.
        watch: Told of every few images.

    Raises:
        ImageNotFoundError, StoreCorruptError: An image was removed from the pool, or is damaged.
    """
    known = kept(folder / _FILE)
    if known is not None and len(known["thumbnails"]) == len(pool):
        return known["thumbnails"].astype(np.float32)
    made: list[np.ndarray] = []
    # Decoding lets other threads run.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2) as threads:
        for start in range(0, len(pool), _AT_ONCE):
            watch.check()
            watch.progress("looking for copies", start, len(pool), {})
            some = range(start, min(start + _AT_ONCE, len(pool)))
            made += threads.map(lambda place: thumbnail(pool.examples.image(place)), some)
    thumbnails: Float32[np.ndarray, "images pixels"] = np.stack(made)
    keep(folder / _FILE, {"thumbnails": thumbnails})
    return thumbnails
