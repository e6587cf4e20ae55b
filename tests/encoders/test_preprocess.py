from __future__ import annotations

import numpy as np
import open_clip
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from encoders.preprocess import Interpolation, Preprocessing, Resize
from invariantselect.errors import ImageTooLargeError
from tests.encoders.pictures import scene

HALF = (0.5, 0.5, 0.5)
CLIP_MEAN, CLIP_STD = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD


def test_squash_stretches_to_the_square_and_scales_to_plus_minus_one() -> None:
    image = Image.fromarray(scene(300, 200))
    got = Preprocessing(224, "squash", "bicubic", HALF, HALF).apply(image)
    stretched = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC)).astype(np.float64)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    np.testing.assert_allclose(got, stretched.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)


@given(
    st.integers(1, 256),  # above 256 to 1 it is a strip, which is refused
    st.integers(1, 256),
    st.sampled_from(["shortest", "squash"]),
    st.sampled_from(["bicubic", "bilinear"]),
)
@settings(max_examples=80, deadline=None)
def test_any_picture_equals_open_clips_own_transform(
    width: int, height: int, mode: str, interpolation: Interpolation
) -> None:
    image = Image.fromarray(np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8))
    reference = open_clip.image_transform(
        48, is_train=False, mean=CLIP_MEAN, std=CLIP_STD, resize_mode=mode, interpolation=interpolation
    )
    resize: Resize = "squash" if mode == "squash" else "shortest_edge_center_crop"
    got = Preprocessing(48, resize, interpolation, CLIP_MEAN, CLIP_STD).apply(image)
    np.testing.assert_allclose(got, reference(image).numpy(), atol=2e-6)


def test_only_rgb_is_taken() -> None:
    with pytest.raises(ValueError, match="not RGB"):
        Preprocessing(8, "squash", "bicubic", HALF, HALF).apply(Image.new("L", (8, 8)))


@given(
    st.builds(
        Preprocessing,
        size=st.integers(1, 1024),
        resize=st.sampled_from(["squash", "shortest_edge_center_crop"]),
        interpolation=st.sampled_from(["bilinear", "bicubic"]),
        mean=st.tuples(*[st.floats(0, 1)] * 3),
        std=st.tuples(*[st.floats(0.01, 1)] * 3),
    )
)
def test_json_brings_it_back(preprocessing: Preprocessing) -> None:
    assert Preprocessing.from_json(preprocessing.to_json()) == preprocessing


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": "8"},
        {"resize": "crop"},
        {"interpolation": "nearest"},
        {"std": [1, 1, 0]},
        {"mean": [0.5]},
        {"mean": 3},
        {"extra": 1},
    ],
)
def test_unusable_json_is_refused(change: dict) -> None:
    good = Preprocessing(8, "squash", "bicubic", HALF, HALF).to_json()
    with pytest.raises(ValueError, match=r".+"):
        Preprocessing.from_json({**good, **change})
    with pytest.raises(ValueError, match="can't be read"):
        Preprocessing.from_json({})


@pytest.mark.parametrize(("width", "height"), [(1, 60_000), (60_000, 1), (3, 769)])
def test_a_strip_that_would_become_gigabytes_is_refused(width: int, height: int) -> None:
    preprocessing = Preprocessing(32, "shortest_edge_center_crop", "bicubic", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    with pytest.raises(ImageTooLargeError, match="times longer than wide"):
        preprocessing.apply(Image.new("RGB", (width, height)))


def test_a_strip_at_the_limit_is_taken() -> None:
    preprocessing = Preprocessing(32, "shortest_edge_center_crop", "bicubic", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    assert preprocessing.apply(Image.new("RGB", (3, 768))).shape == (3, 32, 32)
