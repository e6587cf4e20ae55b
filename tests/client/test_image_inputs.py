"""An image may be given in any of the forms that people have it in."""

from __future__ import annotations

import base64
import io
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from invariantselect.errors import ImageNotFoundError, ImageUnreadableError, RequestMalformedError
from invariantselect.image_inputs import data_uri, image_bytes, is_image_input


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((6, 4)).convert(mode)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(picture(), "PNG"))
    return path


def test_paths_bytes_files_and_data_uris_keep_every_byte(file: Path) -> None:
    data = file.read_bytes()
    with file.open("rb") as opened:
        forms: list[Any] = [file, str(file), data, bytearray(data), memoryview(data), opened, io.BytesIO(data)]
        forms += [data_uri(data), "DATA:;BASE64," + base64.encodebytes(data).decode()]
        assert all(is_image_input(form) for form in forms)
        assert [image_bytes(form) for form in forms] == [data] * len(forms)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "YCbCr", "HSV", "LAB"])
def test_a_pillow_image_of_any_mode_becomes_a_png_of_the_same_pixels(mode: str) -> None:
    image = Image.new(mode, (3, 2)) if mode in {"LAB", "I;16"} else picture().convert(mode)
    sent = Image.open(io.BytesIO(image_bytes(image)))
    assert sent.format == "PNG"
    assert sent.convert("RGB").tobytes() == image.convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("mode", "samples", "expected"),
    [
        ("F", [0.0, 0.25, 0.5, 1.0], [0, 64, 128, 255]),
        ("F", [-10.0, 0.0, 10.0, 30.0], [0, 64, 128, 255]),
        ("F", [math.nan, math.inf, 1.0, 3.0], [0, 0, 0, 255]),
        ("I", [-1000, -1000, 0, 1000], [0, 0, 128, 255]),
        ("I", [7, 7, 7, 7], [0, 0, 0, 0]),
    ],
)
def test_deep_samples_are_stretched_as_the_server_would(mode: str, samples: list[float], expected: list[int]) -> None:
    image = Image.new(mode, (4, 1))
    image.putdata(samples)
    assert list(Image.open(io.BytesIO(image_bytes(image))).tobytes()) == expected


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bits_stay_sixteen(mode: str) -> None:
    values = [0, 258, 40_000, 65_535]
    data = struct.pack(f"{'>' if mode == 'I;16B' else '<'}4H", *values)
    sent = Image.open(io.BytesIO(image_bytes(Image.frombytes(mode, (4, 1), data))))
    assert sent.mode == "I;16"
    assert [sent.getpixel((place, 0)) for place in range(4)] == values


def test_a_transparent_palette_stays_transparent() -> None:
    see_through = Image.new("PA", (2, 1))
    see_through.putalpha(Image.frombytes("L", (2, 1), b"\x00\x80"))
    assert Image.open(io.BytesIO(image_bytes(see_through))).getchannel("A").tobytes() == b"\x00\x80"


def test_a_pillow_image_is_turned_the_way_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.open(io.BytesIO(encoded(picture(), "JPEG", exif=exif)))
    sent = Image.open(io.BytesIO(image_bytes(photo)))
    assert sent.size == (4, 6)
    assert sent.tobytes() == ImageOps.exif_transpose(photo).tobytes()


def test_a_pillow_image_that_is_damaged_or_closed_is_unreadable() -> None:
    whole = encoded(picture().resize((200, 200)), "JPEG")
    damaged = Image.open(io.BytesIO(whole[: len(whole) * 3 // 4]))
    with pytest.raises(ImageUnreadableError, match="Pillow"):
        image_bytes(damaged)
    with picture() as image:
        image.close()
        with pytest.raises(ImageUnreadableError, match="Pillow"):
            image_bytes(image)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_a_data_uri_names_the_type_of_the_image(format: str) -> None:
    data = encoded(picture(), format)
    head, _, payload = data_uri(data).partition(",")
    expected = {"PPM": "image/x-portable-anymap"}.get(format, Image.MIME[format])
    assert head == f"data:{expected};base64"
    assert base64.b64decode(payload) == data


def test_bytes_of_an_unknown_kind_are_sent_for_the_server_to_judge() -> None:
    assert data_uri(b"hello") == "data:application/octet-stream;base64,aGVsbG8="


def test_a_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.png", tmp_path, "nul\0.png"):
        with pytest.raises(ImageNotFoundError, match="can't be read"):
            image_bytes(path)


@pytest.mark.parametrize("url", ["https://example.org/a.png", "HTTP://example.org/a.png"])
def test_urls_are_not_fetched(url: str) -> None:
    with pytest.raises(ImageNotFoundError, match="URL") as caught:
        image_bytes(url)
    assert "Download" in caught.value.hint


@pytest.mark.parametrize("uri", ["data:image/png,abc", "data:image/png;base64", "data:;base64,a", "data:;base64,ä==="])
def test_a_broken_data_uri_is_malformed(uri: str) -> None:
    with pytest.raises(RequestMalformedError, match="data URI"):
        image_bytes(uri)


@pytest.mark.parametrize("empty", [b"", io.BytesIO(), "data:image/png;base64,"])
def test_no_bytes_are_no_image(empty: Any) -> None:
    with pytest.raises(ImageUnreadableError, match="no bytes"):
        image_bytes(empty)


def test_a_file_opened_as_text_says_how_to_open_it() -> None:
    with pytest.raises(ImageUnreadableError, match="text") as caught:
        image_bytes(io.StringIO("text"))  # type: ignore[arg-type]
    assert "rb" in caught.value.hint


@pytest.mark.parametrize("thing", [None, 3, ["a.png"]])
def test_anything_else_is_a_type_error(thing: Any) -> None:
    assert not is_image_input(thing)
    with pytest.raises(TypeError, match="an image is"):
        image_bytes(thing)
