"""The model is shown the picture that the encoder saw: client and encoders decode alike."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from encoders.decode import decode
from invariantselect.image_inputs import image_bytes
from invariantselect.prompts.pictures import read_image
from tests.client.prompts.conftest import encoded, noise
from tests.encoders.pictures import grey_tiff

PHOTO = noise(40, 30)
CHANCE = np.random.default_rng(0)
SEE_THROUGH = PHOTO.convert("RGBA")
SEE_THROUGH.putalpha(Image.fromarray(CHANCE.integers(0, 256, (30, 40), dtype=np.uint8)))


def samples(low: float, high: float, kind: Any) -> Image.Image:
    return Image.fromarray((CHANCE.random((30, 40)) * (high - low) + low).astype(kind))


def spoilt(by: float, *, first: bool = True) -> Image.Image:
    pixels = (CHANCE.random((30, 40)) * 50 - 9).astype(np.float32)
    pixels[7, 3] = by
    if first:
        pixels[0, 0] = by
    return Image.fromarray(pixels)


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
    "large and close": encoded(samples(2**31 - 900, 2**31 - 1, np.int32), "TIFF"),
    "the whole range": encoded(samples(-(2**31), 2**31 - 1, np.int32), "TIFF"),
    "not finite at first": encoded(spoilt(np.nan), "TIFF"),
    "not finite inside": encoded(spoilt(np.nan, first=False), "TIFF"),
    "infinite": encoded(spoilt(np.inf), "TIFF"),
    "nothing finite": encoded(samples(np.nan, np.nan, np.float32), "TIFF"),
    "16 bits, one transparent": encoded(samples(0, 9, np.uint16), transparency=5),
    "12 bits": grey_tiff(10, 4, 12, CHANCE.bytes(60)),
    "16 bits, white is zero": grey_tiff(10, 4, 16, CHANCE.bytes(80), photometric=0),
    "16 bits, big end first": grey_tiff(10, 4, 16, CHANCE.bytes(80), big_endian=True),
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
    sent = image_bytes(Image.open(io.BytesIO(data)))
    assert Image.open(io.BytesIO(sent)).getexif().get(0x0112, 1) == 1  # else it would be turned once more
    assert np.array_equal(np.asarray(decode(sent)), np.asarray(decode(data)))


def broken_exif() -> bytes:
    """Orientation 6, and a ResolutionUnit that is text: Pillow reads it and can't write it."""
    entries = [(0x112, 3, 1, struct.pack("<HH", 6, 0)), (0x128, 2, 4, b"abc\0")]
    block = b"II*\0" + struct.pack("<IH", 8, len(entries))
    block += b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return encoded(PHOTO, "JPEG", exif=b"Exif\0\0" + block + bytes(4))


def test_metadata_that_cant_be_written_dont_spoil_a_photo() -> None:
    data = broken_exif()
    with pytest.raises((struct.error, TypeError, ValueError)):  # what it is about
        ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    expected = np.asarray(decode(data))
    assert expected.shape == (40, 30, 3)
    assert np.array_equal(np.asarray(read_image(data, what="it")), expected)
    assert np.array_equal(np.asarray(decode(image_bytes(Image.open(io.BytesIO(data))))), expected)


@pytest.mark.parametrize("name", [name for name in FILES if "transparent" not in name])
def test_a_pillow_image_is_sent_as_its_file_would_be(name: str) -> None:
    image = Image.open(io.BytesIO(FILES[name]))
    assert np.array_equal(np.asarray(decode(image_bytes(image))), np.asarray(decode(FILES[name])))
