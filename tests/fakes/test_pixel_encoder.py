from __future__ import annotations

import numpy as np
from PIL import Image

from encoders.encoder import Encoder
from tests.fakes.pixel_encoder import PixelEncoder


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(3)
    return [Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)) for _ in range(count)]


def test_vectors_are_the_same_alone_and_in_a_batch() -> None:
    encoder: Encoder = PixelEncoder(dim=24)
    images = pictures(9)
    batch = encoder.encode(images)
    assert batch.shape == (9, 24)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, np.concatenate([encoder.encode([image]) for image in images]))
    np.testing.assert_allclose(np.linalg.norm(batch, axis=1), 1, atol=1e-6)
    assert encoder.encode([]).shape == (0, 24)


def test_the_fingerprint_names_the_space() -> None:
    first, again, other = PixelEncoder(), PixelEncoder(), PixelEncoder(seed=1)
    assert first.identity.fingerprint == again.identity.fingerprint
    assert first.identity.fingerprint != other.identity.fingerprint
    assert len(first.identity.fingerprint) == 64
