"""Pictures and files for the tests of decoding, made here so that what they should look like is known."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def scene(width: int = 48, height: int = 32) -> np.ndarray:
    """(height, width, 3) uint8, no two corners alike, smooth enough for lossy formats."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red, green = 255 * x / (width - 1), 255 * y / (height - 1)
    blue = 255 * (x + y) / (width + height - 2)
    return np.stack([red, green, 255 - blue], axis=-1).astype(np.uint8)


def encoded(image: Image.Image | np.ndarray, format: str, **options: Any) -> bytes:
    """The bytes of a picture in a file format."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, depth: int = 8, colour: int = 0, pixels: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG put together by hand, so that its header may lie."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", zlib.compress(pixels))
        + png_chunk(b"IEND", b"")
    )


def tiff(tags: dict[int, tuple[int, int]], pixels: bytes, *, big_endian: bool = False) -> bytes:
    """An uncompressed TIFF of one strip, tags given as {tag: (type, value)}; the strip's tags are added."""
    order, mark = (">", b"MM\x00*") if big_endian else ("<", b"II*\x00")
    entries = {**tags, 273: (4, 8), 279: (4, len(pixels))}
    body = mark + struct.pack(order + "I", 8 + len(pixels)) + pixels + struct.pack(order + "H", len(entries))
    for tag, (kind, value) in sorted(entries.items()):
        packed = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        body += struct.pack(order + "HHI", tag, kind, 1) + packed
    return body + b"\x00\x00\x00\x00"


def grey_tiff(width: int, height: int, bits: int, pixels: bytes, *, photometric: int = 1, **options: Any) -> bytes:
    tags = {256: (4, width), 257: (4, height), 258: (3, bits), 259: (3, 1), 262: (3, photometric), 277: (3, 1)}
    return tiff(tags, pixels, **options)


def bombs() -> dict[str, bytes]:
    """Small files whose headers claim more pixels than anyone should decode."""
    side = 60_000
    honest_jpeg = bytearray(encoded(scene(), "JPEG"))
    frame = honest_jpeg.index(b"\xff\xc0")
    honest_jpeg[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    gif = bytearray(encoded(Image.new("P", (4, 4)), "GIF"))
    gif[6:10] = struct.pack("<HH", side, side)
    gif_frame = bytearray(encoded(Image.new("P", (4, 4)), "GIF"))
    at = gif_frame.index(b",\x00\x00\x00\x00\x04\x00\x04\x00")
    gif_frame[at + 5 : at + 9] = struct.pack("<HH", 11_000, 11_000)  # between Pillow's warning and its error
    canvas = (16_000 - 1).to_bytes(3, "little") * 2
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + canvas
    lossless = encoded(scene(), "WEBP", lossless=True)[12:]
    bmp = bytearray(encoded(scene(), "BMP"))
    bmp[18:26] = struct.pack("<ii", side, side)
    return {
        "png": png(side, side, pixels=bytes(1000)),
        "png just above": png(8193, 8192, pixels=bytes(1000)),
        "jpeg": bytes(honest_jpeg),
        "gif canvas": bytes(gif),
        "gif frame": bytes(gif_frame),
        "webp canvas": b"RIFF" + struct.pack("<I", 4 + len(extended) + len(lossless)) + b"WEBP" + extended + lossless,
        "webp lossless": b"RIFF\x20\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f"
        + struct.pack("<I", 0x0FFF_FFFF)
        + bytes(20),
        "webp lossy": b"RIFF\x20\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f"
        + bytes(20),
        "bmp": bytes(bmp),
        "tiff": grey_tiff(side, side, 8, bytes(64)),
        "tiff tile": tiff(
            {256: (4, 16), 257: (4, 16), 258: (3, 8), 259: (3, 8), 262: (3, 1), 322: (4, side), 323: (4, side)},
            bytes(64),
        ),
        "ppm": b"P6 60000 60000 255\n" + bytes(100),
    }
