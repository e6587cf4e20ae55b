from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError
from PIL import Image

from encoders.fingerprint import RawTensor, weights_digest
from encoders.preprocess import Preprocessing
from tests.fakes.pixel_encoder import PixelEncoder


def test_shapes_and_types_are_checked_while_testing() -> None:
    preprocessing = Preprocessing(8, "squash", "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    with pytest.raises(TypeCheckError):
        preprocessing.apply(np.zeros((8, 8, 3)))
    with pytest.raises(TypeCheckError):
        weights_digest([RawTensor("F32", (1,), b"0000")])
    assert PixelEncoder().preprocess(Image.new("RGB", (9, 5))).shape == (3, 8, 8)
