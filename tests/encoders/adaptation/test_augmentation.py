"""Views against a picture worked out pixel by pixel, and against what queries look like."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from encoders.adaptation.augmentation import Augmentation, view
from encoders.preprocess import Preprocessing
from tests.encoders.pictures import scene

STILL = Augmentation(least_area=1.0, stretch=1.0, mirror=0.0, colour=0.0, grey=0.0)
PLAIN = Preprocessing(24, "squash", "bicubic", (0.5, 0.4, 0.3), (0.5, 0.25, 0.2))
BARE = replace(PLAIN, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
PICTURE = Image.fromarray(scene())


def drawn(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("resize", ["squash", "shortest_edge_center_crop"])
@pytest.mark.parametrize("size", [(48, 32), (32, 48), (33, 33), (7, 5)])
def test_nothing_changed_is_what_queries_look_like(interpolation: str, resize: str, size: tuple[int, int]) -> None:
    preprocessing = replace(PLAIN, interpolation=interpolation, resize=resize)
    image = Image.fromarray(scene(*size))
    seen, expected = view(image, preprocessing, STILL, drawn(0)), preprocessing.apply(image)
    assert (seen.dtype, seen.shape) == (np.float32, (3, 24, 24))
    assert seen.flags.c_contiguous
    # A cut is rounded to whole pixels there, not here: half a pixel of a gradient over the picture.
    step = 1 / 255 if resize == "squash" else 0.04
    assert np.abs(seen - expected).max() <= 1.01 * step / min(preprocessing.std)


def test_large_pictures_are_shrunk_in_two_steps_to_much_the_same() -> None:
    image = Image.fromarray(scene(400, 300))
    assert np.abs(view(image, BARE, STILL, drawn(0)) - BARE.apply(image)).max() < 0.01


def test_the_same_draws_give_the_same_view_and_others_another() -> None:
    one, same, other = (view(PICTURE, PLAIN, Augmentation(), drawn(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_colours_are_what_each_pixel_alone_would_become(seed: int, grey: float) -> None:
    augmentation = replace(STILL, colour=1.0, grey=grey, brightness=0.4, hue=0.2)
    chance = drawn(seed)
    chance.uniform(size=4)  # the crop
    chance.random()  # the mirror
    brightness, contrast, saturation = 1 + chance.uniform(-0.4, 0.4, 3)
    turn = 2 * math.pi * chance.uniform(-0.2, 0.2)
    pixels = view(PICTURE, BARE, STILL, drawn(0)).reshape(3, -1).T.astype(np.float64)
    changed = [coloured(pixel, brightness, saturation, turn, grey=grey > 0) for pixel in pixels]
    middle = np.mean(changed)
    expected = np.clip((np.array(changed) - middle) * contrast + middle, 0, 1).T.reshape(3, 24, 24)
    np.testing.assert_allclose(view(PICTURE, BARE, augmentation, drawn(seed)), expected, atol=3e-4)


def coloured(pixel: np.ndarray, brightness: float, saturation: float, turn: float, *, grey: bool) -> list[float]:
    red, green, blue = pixel
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    i = 0.5959 * red - 0.2746 * green - 0.3213 * blue
    q = 0.2115 * red - 0.5227 * green + 0.3112 * blue
    i, q = math.cos(turn) * i - math.sin(turn) * q, math.sin(turn) * i + math.cos(turn) * q
    # The inverse of the three lines above, as NTSC receivers had it.
    turned = [y + 0.9563 * i + 0.6210 * q, y - 0.2721 * i - 0.6474 * q, y - 1.1070 * i + 1.7046 * q]
    bright = [brightness * channel for channel in turned]
    luma = 0.299 * bright[0] + 0.587 * bright[1] + 0.114 * bright[2]
    final = [saturation * channel + (1 - saturation) * luma for channel in bright]
    return [0.299 * final[0] + 0.587 * final[1] + 0.114 * final[2]] * 3 if grey else final


def test_a_turned_hue_keeps_grey_grey() -> None:
    grey = Image.new("RGB", (30, 30), (90, 90, 90))
    seen = view(grey, BARE, replace(STILL, colour=1.0, brightness=0.0, hue=0.5), drawn(3))
    np.testing.assert_allclose(seen, 90 / 255, atol=2e-3)


def test_a_mirror_swaps_left_and_right() -> None:
    straight, mirrored = (view(PICTURE, PLAIN, replace(STILL, mirror=share), drawn(0)) for share in (0.0, 1.0))
    assert np.array_equal(mirrored, straight[:, :, ::-1])


@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.floats(0.01, 1), st.floats(1, 9), st.integers(0, 999), st.booleans())
def test_a_crop_lies_inside_whatever_the_image(
    width: int, height: int, area: float, stretch: float, seed: int, squash: bool
) -> None:
    """Pillow refuses a box that reaches out of the image, and one that is empty."""
    augmentation = replace(STILL, least_area=area, stretch=stretch)
    preprocessing = replace(BARE, size=8, resize="squash" if squash else "shortest_edge_center_crop")
    seen = view(Image.new("RGB", (width, height), (255, 0, 0)), preprocessing, augmentation, drawn(seed))
    np.testing.assert_allclose(seen, np.array([1.0, 0.0, 0.0], dtype=np.float32)[:, None, None] + np.zeros_like(seen))


def test_a_crop_keeps_the_least_area() -> None:
    """A picture whose red tells the column: how much of it is seen is how far red reaches."""
    ramp = np.zeros((256, 256, 3), dtype=np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(256)[None], np.arange(256)[:, None]
    image = Image.fromarray(ramp)
    shares = []
    for seed in range(200):
        seen = view(image, replace(BARE, size=64), replace(STILL, least_area=0.25), drawn(seed)) * 255
        shares.append(np.ptp(seen[0]) / 252 * np.ptp(seen[1]) / 252)
    assert min(shares) == pytest.approx(0.25, abs=0.03)
    assert max(shares) == pytest.approx(1.0, abs=0.03)
