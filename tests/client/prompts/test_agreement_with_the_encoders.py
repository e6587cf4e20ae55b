"""The model is shown the picture that the encoder saw: client and encoders decode alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from encoders.decode import decode
from invariantselect.prompts.pictures import read_image
from tests.client.prompts.conftest import encoded, noise

PHOTO = noise(40, 30)
CHANCE = np.random.default_rng(0)
SEE_THROUGH = PHOTO.convert("RGBA")
SEE_THROUGH.putalpha(Image.fromarray(CHANCE.integers(0, 256, (30, 40), dtype=np.uint8)))


def samples(low: float, high: float, kind: Any) -> Image.Image:
    return Image.fromarray((CHANCE.random((30, 40)) * (high - low) + low).astype(kind))


FILES = {
    "JPEG": encoded(PHOTO, "JPEG"),
    "PNG with alpha": encoded(SEE_THROUGH),
    "WebP with alpha": encoded(SEE_THROUGH, "WEBP"),
    "grey with alpha": encoded(SEE_THROUGH.convert("LA")),
    "palette": encoded(PHOTO.convert("P"), "GIF"),
    "CMYK": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "one bit": encoded(PHOTO.convert("1")),
    "16 bits": encoded(samples(0, 65535, np.uint16)),
    "16 bits TIFF": encoded(samples(0, 65535, np.uint16), "TIFF"),
    "16 bits PPM": b"P5 2 1 65535 " + bytes([0, 0, 200, 255]),
    "32 bits": encoded(samples(-9, 90_000, np.int32), "TIFF"),
    "floats to 1": encoded(samples(0, 1, np.float32), "TIFF"),
    "floats beyond": encoded(samples(-9, 61, np.float32), "TIFF"),
    "constant": encoded(samples(7, 7, np.float32), "TIFF"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_pixel_decodes_to_the_same_rgb(name: str) -> None:
    assert np.array_equal(np.asarray(read_image(FILES[name], what=name)), np.asarray(decode(FILES[name])))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_the_same_way(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PHOTO, kind, exif=exif)
    assert np.array_equal(np.asarray(read_image(data, what=kind)), np.asarray(decode(data)))
