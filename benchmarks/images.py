"""Distinct real images to measure with: crops of the two photographs that come with scikit-learn."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images


def jpeg_crops(count: int, *, side: int = 400, seed: int = 0) -> list[bytes]:
    """`count` different JPEG files, `side` × `side` pixels, about 60 kB each."""
    generator = np.random.default_rng(seed)
    photographs = load_sample_images().images
    files = []
    for _ in range(count):
        photograph = photographs[generator.integers(len(photographs))]
        top = generator.integers(photograph.shape[0] - side + 1)
        left = generator.integers(photograph.shape[1] - side + 1)
        buffer = io.BytesIO()
        Image.fromarray(photograph[top : top + side, left : left + side]).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def with_comment(jpeg: bytes, text: str) -> bytes:
    """The same pixels under another hash, so that no cache answers: a comment segment behind the start marker."""
    payload = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(payload) + 2).to_bytes(2, "big") + payload + jpeg[2:]
