"""Vectors of a made-up pool of any size: classes and domains with a middle of their own, and noise around it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from encoders.adaptation.examples import Examples

__all__ = ["synthetic_examples"]

_CLASSES, _DOMAINS, _AT_ONCE = 10, 4, 5000


def synthetic_examples(count: int, *, dim: int = 1280, seed: int = 0) -> Examples:
    """Examples without images, 10 classes in 4 domains; no larger array is made on the way than the vectors.

    Args:
        count: How many.
        dim: Length of a vector.
        seed: Of the vectors.
    """
    rng = np.random.default_rng(seed)
    labels, domains = np.arange(count) % _CLASSES, np.arange(count) // _CLASSES % _DOMAINS
    classes, places = (rng.standard_normal((number, dim), dtype=np.float32) for number in (_CLASSES, _DOMAINS))
    vectors = np.empty((count, dim), dtype=np.float32)
    for start in range(0, count, _AT_ONCE):
        rows = slice(start, min(start + _AT_ONCE, count))
        some = rng.standard_normal((rows.stop - start, dim), dtype=np.float32)
        some += 0.3 * classes[labels[rows]] + 0.5 * places[domains[rows]]
        vectors[rows] = some / np.linalg.norm(some, axis=1, keepdims=True)
    return Examples(
        vectors,
        [f"label {label}" for label in labels.tolist()],
        [f"domain {domain}" for domain in domains.tolist()],
        [None] * count,
        _no_image,
    )


def _no_image(place: int) -> Image.Image:
    raise ValueError(f"the vector {place} is made up: it has no image")
