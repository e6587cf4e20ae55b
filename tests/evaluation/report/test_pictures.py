"""Pictures come in through the decoder that trusts nobody, and nothing but their pixels goes out."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from evaluation.report.pictures import inline_picture


def file(size: tuple[int, int], kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("size", "expected"), [((600, 300), (128, 64)), ((100, 40), (100, 40)), ((4, 2000), (1, 128))])
def test_a_picture_is_small_and_a_jpeg(size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = inline_picture({"a": file(size, "PNG")}.get, "a", side=128)
    assert made is not None
    head, _, body = made.data_uri.partition(",")
    decoded = Image.open(io.BytesIO(base64.b64decode(body)))
    assert head == "data:image/jpeg;base64"
    assert decoded.format == "JPEG"
    assert decoded.size == expected == (made.width, made.height)


def test_nothing_that_a_file_says_beside_its_pixels_goes_along() -> None:
    exif = Image.Exif()
    exif[0x9286] = "Jane Doe, born 1950"
    made = inline_picture({"a": file((64, 64), exif=exif, comment=b"Jane Doe")}.get, "a", side=128)
    assert made is not None
    assert b"Jane" not in base64.b64decode(made.data_uri.partition(",")[2])


@pytest.mark.parametrize("data", [None, b"", b"no picture", file((64, 64))[:-300]])
def test_what_is_no_picture_has_none(data: bytes | None) -> None:
    assert inline_picture(lambda _: data, "a", side=128) is None
