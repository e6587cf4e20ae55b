"""Image files become pictures that fit a budget, whatever they are."""

from __future__ import annotations

import base64
import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from invariantselect.errors import (
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    PromptInvalidError,
)
from invariantselect.prompts.budget import ImageBudget, even_level, size_as_sent
from invariantselect.prompts.pictures import Picture, fit, fit_all, read_image
from tests.client.prompts.conftest import encoded, noise

WHAT = "the image"


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


def colour(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    pixel = image.getpixel(place)
    assert isinstance(pixel, tuple)
    return pixel


def fitted(data: bytes, **limits: Any) -> Picture:
    budget = ImageBudget(**limits)
    return fit_all([(WHAT, data)], budget, most=budget.max_total_bytes)[0]


def test_a_large_image_is_downscaled_to_the_longest_side_and_keeps_its_shape() -> None:
    assert opened(fitted(encoded(noise(1000, 500)), max_side=300)).size == (300, 150)


def test_a_small_image_is_never_upscaled() -> None:
    assert opened(fitted(encoded(noise(20, 10)))).size == (20, 10)


def test_a_small_image_becomes_a_lossless_png_and_a_larger_one_a_jpeg() -> None:
    image = noise(64, 64)
    small, large = fitted(encoded(image)), fitted(encoded(noise(300, 300)))
    assert (small.media_type, large.media_type) == ("image/png", "image/jpeg")
    assert np.array_equal(np.asarray(opened(small)), np.asarray(image))


@pytest.mark.parametrize(("encoding", "media_type"), [("png", "image/png"), ("jpeg", "image/jpeg")])
@pytest.mark.parametrize("side", [32, 200])
def test_an_encoding_that_is_asked_for_is_used(encoding: str, media_type: str, side: int) -> None:
    picture = fitted(encoded(noise(side, side)), encoding=encoding)
    assert picture.media_type == media_type == Image.MIME[opened(picture).format or ""]


@pytest.mark.parametrize("encoding", ["auto", "jpeg", "png"])
@pytest.mark.parametrize("most", [1024, 5_000, 40_000])
def test_a_picture_never_has_more_bytes_as_sent_than_allowed(encoding: str, most: int) -> None:
    picture = fitted(encoded(noise(400, 300)), encoding=encoding, max_image_bytes=most)
    assert len(picture.base64) == picture.size <= most


def test_the_same_image_gives_the_same_bytes() -> None:
    data = encoded(noise(300, 200), "JPEG", quality=95)
    assert fitted(data) == fitted(data)


def test_an_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned 90° clockwise: left becomes top
    upright = opened(fitted(encoded(image, "JPEG", exif=exif, quality=95), encoding="png"))
    assert upright.size == (20, 40)
    assert colour(upright, (10, 5))[2] > 200
    assert colour(upright, (10, 35))[0] > 200


def test_an_animation_shows_its_first_frame() -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert opened(fitted(data)).convert("RGB").getpixel((8, 8)) == (255, 0, 0)


def test_transparent_parts_become_white() -> None:
    for image in (Image.new("RGBA", (8, 8), (0, 0, 0, 0)), Image.new("LA", (8, 8), (0, 0))):
        assert opened(fitted(encoded(image))).getpixel((4, 4)) == (255, 255, 255)


def test_a_palette_with_a_transparent_colour_is_composited() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    data = encoded(image, "PNG", transparency=1)
    assert opened(fitted(data)).getpixel((4, 4)) == (255, 255, 255)


def test_cmyk_becomes_rgb() -> None:
    data = encoded(Image.new("CMYK", (200, 200), (0, 255, 255, 0)), "JPEG", quality=95)
    pixel = colour(opened(fitted(data)), (100, 100))
    assert pixel[0] > 200
    assert max(pixel[1:]) < 60


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled_and_not_clipped(kind: str) -> None:
    image = Image.fromarray(np.full((8, 8), 32768, dtype=np.uint16))
    assert opened(fitted(encoded(image, kind))).getpixel((4, 4)) == (128, 128, 128)


def test_what_a_file_carries_besides_pixels_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    for side in (32, 300):
        data = encoded(noise(side, side), "JPEG", exif=exif, comment=b"SecretName", icc_profile=b"SecretProfile")
        assert b"Secret" in data
        assert b"Secret" not in fitted(data).data


def test_a_bomb_is_refused_from_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (9_000, 30_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        with pytest.raises(ImageTooLargeError, match="pixels"):
            read_image(bomb, what=WHAT)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ImageFormatUnsupportedError),
        (b"%PDF-1.7 not an image", ImageFormatUnsupportedError),
        (encoded(noise(60, 60))[:900], ImageUnreadableError),
        (encoded(noise(60, 60), "JPEG")[:900], ImageUnreadableError),
    ],
    ids=["nothing", "a document", "half a PNG", "half a JPEG"],
)
def test_a_file_that_is_no_whole_image_is_refused_by_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match="the image of 'x'"):
        read_image(data, what="the image of 'x'")


ORIGINALS = [encoded(noise(24, 24), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ORIGINALS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damage_anywhere_gives_a_picture_or_a_typed_error(original: bytes, damage: list[tuple[int, int]]) -> None:
    data = bytearray(original)
    for place, value in damage:
        data[place % len(data)] = value
    with contextlib.suppress(ImageUnreadableError, ImageTooLargeError, ImageFormatUnsupportedError):
        assert read_image(bytes(data), what=WHAT).mode == "RGB"


def test_images_that_fit_together_are_left_alone_and_otherwise_the_larger_give() -> None:
    files = [("small", encoded(noise(24, 24))), ("large", encoded(noise(500, 500))), ("huge", encoded(noise(700, 700)))]
    free = fit_all(files, ImageBudget(), most=10_000_000)
    tight = fit_all(files, ImageBudget(), most=60_000)
    assert free[0] == tight[0]
    assert sum(picture.size for picture in free) > 60_000 >= sum(picture.size for picture in tight)


def test_a_budget_that_no_picture_meets_is_an_error_with_a_hint() -> None:
    with pytest.raises(PromptInvalidError, match="'x' doesn't fit into 60 bytes") as caught:
        fit(noise(30, 30), ImageBudget(), most=60, what="'x'")
    assert "budget" in caught.value.hint


@pytest.mark.parametrize(
    "limits",
    [{"max_side": 7}, {"max_image_bytes": 100}, {"max_total_bytes": 0}, {"encoding": "webp"}],
    ids=lambda limits: next(iter(limits)),
)
def test_a_senseless_budget_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(PromptInvalidError, match=str(next(iter(limits.values())))):
        ImageBudget(**limits)


@given(st.binary(max_size=50))
def test_size_as_sent_is_the_length_of_the_base64(data: bytes) -> None:
    assert size_as_sent(len(data)) == len(base64.b64encode(data))


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(0, 400))
def test_the_level_is_the_largest_at_which_all_shares_fit(sizes: list[int], total: int) -> None:
    def taken(level: int) -> int:
        return sum(min(size, level) for size in sizes)

    level = even_level(sizes, total)
    assert taken(level) <= total
    assert level == max(sizes, default=0) or taken(level + 1) > total
