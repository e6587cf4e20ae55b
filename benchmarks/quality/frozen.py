"""The frozen encoder's vectors of a set, computed once and kept in a folder that git ignores."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from filelock import FileLock
from jaxtyping import Float32

from benchmarks.quality.image_set import ImageSet
from encoders.catalog import load_encoder
from encoders.encoder import Encoder

__all__ = ["ENCODER", "frozen_vectors"]

ENCODER = "efficientnet-lite0"
_BATCH = 64


def frozen_vectors(images: ImageSet, cache: Path) -> Float32[np.ndarray, "images dim"]:
    """Vectors of all images, L2-normalised, in their order. Of processes that ask at once, one computes them.

    Args:
        images: The set.
        cache: Where they are kept, under a name that changes with the encoder and with any file's name, size or time.
    """
    encoder = load_encoder(ENCODER, store=cache / "encoders", device="cpu")
    digest = hashlib.sha256(encoder.identity.fingerprint.encode())
    for file in images.files:
        known = (images.folder / file).stat()
        digest.update(f"\n{file} {known.st_size} {known.st_mtime_ns}".encode())
    path = cache / "frozen" / f"{images.folder.name}-{digest.hexdigest()[:16]}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            part = path.with_suffix(".part")
            with part.open("wb") as file_:
                np.save(file_, _encoded(images, encoder))
            part.replace(path)
    vectors: Float32[np.ndarray, "images dim"] = np.load(path)
    return vectors


def _encoded(images: ImageSet, encoder: Encoder) -> Float32[np.ndarray, "images dim"]:
    parts = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for start in range(0, len(images), _BATCH):
            places = range(start, min(start + _BATCH, len(images)))
            inputs = threads.map(lambda place: encoder.preprocess(images.image(place)), places)
            parts.append(encoder.forward(np.stack(list(inputs))))
    return np.concatenate(parts)
