"""Files that lie, break off or are no images: a typed error, soon, and no memory spent."""

from __future__ import annotations

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from encoders.decode import DecodeLimits, decode, probe
from invariantselect.errors import (
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvariantSelectError,
)
from tests.encoders.pictures import bombs, encoded, png, png_chunk, scene

GOOD = {
    "jpeg": encoded(scene(), "JPEG"),
    "progressive": encoded(scene(), "JPEG", progressive=True),
    "png": encoded(scene(), "PNG"),
    "palette": encoded(Image.fromarray(scene()).quantize(16), "PNG"),
    "webp": encoded(scene(), "WEBP"),
    "gif": encoded(scene(), "GIF"),
    "bmp": encoded(scene(), "BMP"),
    "tiff": encoded(scene(), "TIFF"),
    "tiff lzw": encoded(scene(), "TIFF", compression="tiff_lzw"),
    "ppm": encoded(scene(), "PPM"),
    "plain ppm": b"P3 9 9 255\n" + b"255 0 9 " * 81,
}

NOT_IMAGES = {
    "text": b"hello, this is not an image\n" * 20,
    "html": b"<!doctype html><html><body></body></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n",
    "zip": b"PK\x03\x04" + bytes(40),
    "program": b"\x7fELF" + bytes(60),
    "riff that is sound": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30),
    "icon": encoded(Image.new("RGB", (16, 16)), "ICO"),
    "targa": encoded(Image.new("RGB", (16, 16)), "TGA"),
    "one byte": b"\xff",
    "nothing but zeros": bytes(1000),
}


def test_an_empty_file_is_told_as_empty() -> None:
    with pytest.raises(ImageUnreadableError, match="empty"):
        decode(b"")


@pytest.mark.parametrize("name", NOT_IMAGES)
def test_what_is_no_supported_image_is_refused_as_such(name: str) -> None:
    for read in (decode, probe):
        with pytest.raises(ImageFormatUnsupportedError):
            read(NOT_IMAGES[name])


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_truncated_file_is_unreadable(name: str, share: float) -> None:
    data = GOOD[name]
    with pytest.raises((ImageUnreadableError, ImageFormatUnsupportedError)):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "magic", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\x00", b"P6 ", b"RIFF\x00\x00\x00\x00WEBP"]
)
def test_a_file_that_only_starts_like_an_image_is_unreadable(magic: bytes) -> None:
    for tail in (b"", b"<script>alert(1)</script>" * 9):
        with pytest.raises(ImageUnreadableError):
            decode(magic + tail)


def test_a_polyglot_is_decoded_as_the_image_that_it_starts_as() -> None:
    data = GOOD["jpeg"] + b"PK\x03\x04 <script>alert(1)</script>"
    assert probe(data).media_type == "image/jpeg"
    np.testing.assert_array_equal(np.asarray(decode(data)), np.asarray(decode(GOOD["jpeg"])))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_a_picture_without_pixels_is_unreadable(size: tuple[int, int]) -> None:
    with pytest.raises(ImageUnreadableError):
        decode(png(*size, pixels=b"\x00"))


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    data = GOOD["progressive"]
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(ImageUnreadableError, match="scans"):
        probe(data[:-2] + data[scan:-2] * 1000 + data[-2:])


# ── too large ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", bombs())
def test_a_header_that_claims_too_much_is_refused(name: str) -> None:
    for read in (probe, decode):
        with pytest.raises(ImageTooLargeError):
            read(bombs()[name])


def test_bombs_cost_no_memory() -> None:
    """With no room for even one of the pictures, every bomb is still refused for its size."""
    script = """
import resource, pathlib
from encoders.decode import decode
from invariantselect.errors import ImageTooLargeError
from tests.encoders.pictures import bombs, encoded, scene
files = bombs()
for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"):
    decode(encoded(scene(), format))
used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 48 * 2**20, resource.RLIM_INFINITY))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, data in files.items():
    try:
        decode(data)
    except ImageTooLargeError:
        continue
    raise SystemExit(name + " was decoded")
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 8 * 1024, "kilobytes"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_limits_are_the_callers() -> None:
    data = GOOD["png"]
    with pytest.raises(ImageTooLargeError, match="bytes"):
        probe(data, DecodeLimits(max_bytes=len(data) - 1))
    with pytest.raises(ImageTooLargeError, match="48 × 32 = 1536 pixels"):
        probe(data, DecodeLimits(max_pixels=48 * 32 - 1))
    assert decode(data, DecodeLimits(max_bytes=len(data), max_pixels=48 * 32)).size == (48, 32)
    for numbers in ({"max_bytes": 0}, {"max_pixels": 0}, {"max_pixels": 10**9}):
        with pytest.raises(ValueError, match="max_"):
            DecodeLimits(**numbers)


# ── no warning, no stray exception, no race ──────────────────────────────────────────────────────────────────────


def test_no_warning_of_pillow_leaks() -> None:
    broken_exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\x00" + b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
    files = [
        *bombs().values(),
        encoded(scene(), "JPEG", exif=broken_exif),
        encoded(Image.fromarray(scene()).quantize(4), "PNG", transparency=bytes([0, 255])),
        png(9500, 9500, pixels=b"", extra=png_chunk(b"acTL", bytes(8))),
    ]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for data in files:
            for limits in (DecodeLimits(), DecodeLimits(max_pixels=150_000_000)):
                try:
                    probe(data, limits)
                except InvariantSelectError:
                    continue
    assert heard == []


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_gives_a_picture_or_a_typed_error(data: st.DataObject) -> None:
    original = data.draw(st.sampled_from(sorted(GOOD.values())))
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, min(len(damaged), 200) - 1) | st.integers(0, len(damaged) - 1))
        damaged[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        if not damaged:
            return
    limits = DecodeLimits(max_pixels=1_000_000)
    try:
        header = probe(bytes(damaged), limits)
        image = decode(bytes(damaged), limits)
    except InvariantSelectError as error:
        assert error.code in {"image_unreadable", "image_too_large", "image_format_unsupported"}  # noqa: PT017
        return
    assert image.mode == "RGB"
    assert image.size == (header.width, header.height)
    assert image.width * image.height <= limits.max_pixels


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_picture_or_a_typed_error(data: bytes) -> None:
    try:
        assert decode(data).mode == "RGB"
    except (ImageUnreadableError, ImageFormatUnsupportedError, ImageTooLargeError):
        return


def test_threads_decode_the_same_pictures() -> None:
    files = [*GOOD.values(), *(data[: len(data) // 2] for data in GOOD.values()), *bombs().values()] * 8

    def outcome(data: bytes) -> bytes | str:
        try:
            return decode(data).tobytes()
        except InvariantSelectError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, files)) == [outcome(data) for data in files]


def test_pillow_says_nothing_on_the_terminal():
    code = """
from encoders.decode import decode
from invariantselect.errors import InvariantSelectError
from tests.encoders.hostile import corpus
try:
    decode(corpus()["tiff, 65535 samples"])
except InvariantSelectError as error:
    print(error.code)
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("image_unreadable\n", "")
