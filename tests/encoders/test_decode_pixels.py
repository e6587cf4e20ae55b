"""Every kind of pixel becomes the RGB that a viewer would show."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from encoders.decode import decode, probe
from invariantselect.errors import ImageFormatUnsupportedError
from tests.encoders.pictures import encoded, grey_tiff, png, png_chunk, scene, tiff

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def pixels(data: bytes) -> np.ndarray:
    image = decode(data)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize(
    ("format", "media_type", "options", "tolerance"),
    [
        ("PNG", "image/png", {}, 0),
        ("BMP", "image/bmp", {}, 0),
        ("TIFF", "image/tiff", {}, 0),
        ("TIFF", "image/tiff", {"compression": "tiff_lzw"}, 0),
        ("PPM", "image/x-portable-anymap", {}, 0),
        ("WEBP", "image/webp", {"lossless": True}, 0),
        ("WEBP", "image/webp", {"quality": 95}, 12),
        ("JPEG", "image/jpeg", {"quality": 95}, 8),
        ("JPEG", "image/jpeg", {"quality": 95, "progressive": True}, 8),
        ("GIF", "image/gif", {}, 60),
    ],
)
def test_every_format_is_decoded_and_named(format: str, media_type: str, options: dict, tolerance: int) -> None:
    data = encoded(scene(), format, **options)
    header = probe(data)
    assert (header.format, header.media_type, header.width, header.height) == (format, media_type, 48, 32)
    assert np.abs(pixels(data).astype(int) - scene()).max() <= tolerance


# ── orientation ──────────────────────────────────────────────────────────────────────────────────────────────────

# Exif 2.32, tag 274: which side of the scene the stored first row and first column are.
UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored.transpose(1, 0, 2), 2),
    8: lambda stored: np.rot90(stored, 1),
}


def exif(orientation: int) -> bytes:
    return b"Exif\x00\x00" + tiff({274: (3, orientation)}, b"")


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_exif_orientation_is_applied_once(format: str, orientation: int) -> None:
    if format == "TIFF":
        data = encoded(scene(), "TIFF", tiffinfo={274: orientation})
    else:
        options = {"lossless": True} if format == "WEBP" else {"quality": 97} if format == "JPEG" else {}
        data = encoded(scene(), format, exif=exif(orientation), **options)
    expected = UPRIGHT[orientation](scene())
    got = pixels(data)
    assert got.shape == expected.shape
    assert np.abs(got.astype(int) - expected).max() <= (8 if format == "JPEG" else 0)
    header = probe(data)
    assert (header.height, header.width) == expected.shape[:2]


def test_an_orientation_after_the_pixels_of_a_png_counts() -> None:
    late = png_chunk(b"eXIf", exif(6)[6:])
    plain = encoded(scene(), "PNG")
    data = plain[:-12] + late + plain[-12:]
    np.testing.assert_array_equal(pixels(data), UPRIGHT[6](scene()))
    assert (probe(data).width, probe(data).height) == (32, 48)


@pytest.mark.parametrize(
    "block", [exif(0), exif(9), exif(65535), b"Exif\x00\x00II*\x00", b"Exif\x00\x00garbage!", exif(6)[:20]]
)
def test_a_broken_orientation_leaves_the_picture_as_stored(block: bytes) -> None:
    data = encoded(scene(), "PNG", exif=block)
    np.testing.assert_array_equal(pixels(data), scene())


# ── transparency, palettes, bits ─────────────────────────────────────────────────────────────────────────────────


def test_transparency_shows_white_paper() -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    rgba[0, 1] = (200, 0, 0, 0)  # a colour hidden under full transparency
    rgba[1, 0] = (0, 0, 0, 128)
    for format in ("PNG", "WEBP", "TIFF"):
        got = pixels(encoded(rgba, format, **({"lossless": True, "exact": True} if format == "WEBP" else {})))
        assert tuple(got[0, 0]) == (10, 20, 30)
        assert tuple(got[0, 1]) == WHITE
        assert np.abs(got[1, 0].astype(int) - 127).max() <= 1


def test_grey_with_alpha_shows_white_paper() -> None:
    grey = Image.new("LA", (2, 1), (80, 255))
    grey.putpixel((1, 0), (80, 0))
    got = pixels(encoded(grey, "PNG"))
    assert tuple(got[0, 0]) == (80, 80, 80)
    assert tuple(got[0, 1]) == WHITE


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
def test_a_transparent_palette_entry_shows_white_paper(transparency: int | bytes) -> None:
    palette = Image.new("P", (3, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2])
    got = pixels(encoded(palette, "PNG", transparency=transparency))
    assert [tuple(pixel) for pixel in got[0]] == [(255, 0, 0), WHITE, (0, 0, 255)]
    if isinstance(transparency, int):
        got = pixels(encoded(palette, "GIF", transparency=transparency))
        assert [tuple(pixel) for pixel in got[0]] == [(255, 0, 0), WHITE, (0, 0, 255)]


def test_a_transparent_colour_shows_white_paper() -> None:
    colours = np.array([[[9, 8, 7], [1, 2, 3]]], np.uint8)
    assert [tuple(p) for p in pixels(encoded(colours, "PNG", transparency=(1, 2, 3)))[0]] == [(9, 8, 7), WHITE]
    greys = np.array([[5, 6]], np.uint8)
    assert [tuple(p) for p in pixels(encoded(greys, "PNG", transparency=6))[0]] == [(5, 5, 5), WHITE]


def test_one_bit_is_black_and_white() -> None:
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    for format in ("PNG", "BMP", "TIFF", "PPM"):
        assert [tuple(pixel) for pixel in pixels(encoded(bits, format))[0]] == [BLACK, WHITE]


# ── print colours ────────────────────────────────────────────────────────────────────────────────────────────────

INKS = {(255, 0, 0, 0): (0, 255, 255), (0, 255, 0, 0): (255, 0, 255), (0, 0, 0, 255): BLACK, (0, 0, 0, 0): WHITE}


@pytest.mark.parametrize(("ink", "colour"), INKS.items())
def test_cmyk_comes_out_in_its_colours(ink: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    sheet = Image.new("CMYK", (16, 16), ink)
    jpeg = encoded(sheet, "JPEG", quality=95)
    assert b"Adobe" in jpeg  # inverted, as Adobe's programs write it
    for data in (jpeg, encoded(sheet, "TIFF")):
        assert np.abs(pixels(data).astype(int) - colour).max() <= 4


def test_a_colour_space_without_conversion_is_refused_by_name() -> None:
    with pytest.raises(ImageFormatUnsupportedError, match="LAB"):
        decode(encoded(Image.new("LAB", (4, 4)), "TIFF"))


# ── deep samples ─────────────────────────────────────────────────────────────────────────────────────────────────

RAMP = np.linspace(0, 65535, 64).astype(np.uint16).reshape(1, 64)
RAMP_8 = np.rint(RAMP / 257)


def deep_files() -> dict[str, bytes]:
    big, little = RAMP.astype(">u2").tobytes(), RAMP.astype("<u2").tobytes()
    return {
        "png": png(64, 1, depth=16, pixels=b"\x00" + big),
        "tiff little-endian": grey_tiff(64, 1, 16, little),
        "tiff big-endian": grey_tiff(64, 1, 16, big, big_endian=True),
        "tiff white is zero": grey_tiff(64, 1, 16, (65535 - RAMP).astype("<u2").tobytes(), photometric=0),
        "tiff compressed": encoded(Image.fromarray(RAMP), "TIFF", compression="tiff_adobe_deflate"),
        "pgm": b"P5 64 1 65535\n" + big,
    }


@pytest.mark.parametrize("name", deep_files())
def test_16_bit_grey_is_scaled_and_not_clipped(name: str) -> None:
    got = pixels(deep_files()[name])
    assert np.abs(got - RAMP_8[..., None]).max() <= 1
    assert got.max() == 255
    assert got.min() == 0


def test_16_bit_grey_with_a_transparent_value_shows_white_paper() -> None:
    data = png(
        2,
        1,
        depth=16,
        pixels=b"\x00" + struct.pack(">HH", 1000, 2000),
        extra=png_chunk(b"tRNS", struct.pack(">H", 2000)),
    )
    assert [tuple(pixel) for pixel in pixels(data)[0]] == [(4, 4, 4), WHITE]


def test_16_bit_colour_is_scaled() -> None:
    samples = np.stack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 65535)], axis=-1)
    got = pixels(png(64, 1, depth=16, colour=2, pixels=b"\x00" + samples.astype(">u2").tobytes()))
    assert np.abs(got - samples / 257).max() <= 1


@pytest.mark.parametrize(
    ("transparent", "shown"), [(0x0100, [BLACK, (18,) * 3]), (0x0080, [WHITE, (18,) * 3]), (0x1234, [BLACK, WHITE])]
)
def test_a_transparent_colour_of_16_bits_is_known_by_its_upper_ones(
    transparent: int, shown: list[tuple[int, int, int]]
) -> None:
    data = png(
        2,
        1,
        depth=16,
        colour=2,
        pixels=b"\x00" + struct.pack(">6H", 0, 0, 0, 0x1234, 0x1234, 0x1234),
        extra=png_chunk(b"tRNS", struct.pack(">3H", *[transparent] * 3)),
    )
    assert [tuple(pixel) for pixel in pixels(data)[0]] == shown


def test_unsigned_32_bit_samples_are_bright_where_they_are_large() -> None:
    samples = np.array([0, 2**31 - 1, 2**31, 2**32 - 1], "<u4")
    assert [pixel[0] for pixel in pixels(grey_tiff(4, 1, 32, samples.tobytes()))[0]] == [0, 127, 128, 255]


def test_12_bit_tiffs_have_their_own_white() -> None:
    packed = bytes([0xFF, 0xF0, 0x00, 0x80, 0x00, 0x00])  # 4095, 0, 2048, 0
    assert [pixel[0] for pixel in pixels(grey_tiff(4, 1, 12, packed))[0]] == [255, 0, 128, 0]


def test_floats_within_one_take_one_as_white() -> None:
    for data in (
        encoded(Image.fromarray(np.array([[0.0, 0.25, 0.5]], np.float32)), "TIFF"),
        b"Pf 3 1 -1.0\n" + np.array([0.0, 0.25, 0.5], "<f4").tobytes(),
    ):
        assert [pixel[0] for pixel in pixels(data)[0]] == [0, 64, 128]


def test_samples_without_an_agreed_white_are_stretched() -> None:
    hounsfield = np.array([[-1000, 0, 1000]], np.int32)
    assert [pixel[0] for pixel in pixels(encoded(Image.fromarray(hounsfield), "TIFF"))[0]] == [0, 128, 255]
    signed = grey_tiff(2, 1, 16, np.array([-5, 5], "<i2").tobytes())
    signed_tags = signed.replace(struct.pack("<HHIHH", 277, 3, 1, 1, 0), struct.pack("<HHIHH", 339, 3, 1, 2, 0))
    assert [pixel[0] for pixel in pixels(signed_tags)[0]] == [0, 255]
    wild = np.array([[np.nan, -3.4e38, 3.4e38, np.inf]], np.float32)
    assert [pixel[0] for pixel in pixels(encoded(Image.fromarray(wild), "TIFF"))[0]] == [0, 0, 255, 0]
    assert pixels(encoded(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF")).max() == 0
    assert pixels(encoded(Image.fromarray(np.full((2, 2), 7, np.int32)), "TIFF")).max() == 0


@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_float_picture_keeps_the_order_of_its_samples(values: list[float]) -> None:
    samples = np.array([values], np.float32)
    got = pixels(encoded(Image.fromarray(samples), "TIFF"))[0, :, 0].astype(int)
    finite = np.isfinite(samples[0])
    order = np.argsort(samples[0][finite])
    assert (np.diff(got[finite][order]) >= 0).all()
    assert (got[~finite] == 0).all()


# ── several pictures in one file ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("format", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {})])
def test_the_first_picture_of_several_is_taken(format: str, options: dict) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    first, *rest = [Image.new("RGB", (8, 6), colour) for colour in colours]
    data = encoded(first, format, save_all=True, append_images=rest, **options)
    assert tuple(pixels(data)[3, 3]) == colours[0]


def test_a_jpeg_with_several_pictures_is_a_jpeg() -> None:
    first, second = Image.fromarray(scene()), Image.new("RGB", (48, 32))
    data = encoded(first, "MPO", save_all=True, append_images=[second], quality=95)
    assert probe(data).media_type == "image/jpeg"
    assert np.abs(pixels(data).astype(int) - scene()).max() <= 8
