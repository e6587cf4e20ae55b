"""Files that mean harm, made here: they expand, lie, loop, repeat without end, or are two things at once."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

from PIL import Image

from tests.encoders.pictures import bombs, encoded, grey_tiff, png, png_chunk, scene, tiff

__all__ = ["corpus"]

_MIB = 1 << 20


@cache
def corpus() -> dict[str, bytes]:
    """All of them by name. None is larger than a few megabytes, none needs more than a few pixels."""
    return {
        **{f"claims too much: {name}": file for name, file in bombs().items()},
        **_expanding(),
        **_metadata(),
        **_many_frames(),
        **_tiffs(),
        **_two_things(),
        **_lying(),
    }


def _zeros(mebibytes: int) -> bytes:
    """So many mebibytes of zeros, a thousandth of that in size."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(_MIB)) for _ in range(mebibytes)), packer.flush()])


def _raw_png(idat: bytes, extra: bytes = b"", *, side: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", idat) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _expanding() -> dict[str, bytes]:
    """Small pictures whose compressed parts are a hundred megabytes."""
    bomb, pixels = _zeros(128), zlib.compress(bytes(8 * 25))
    profile = b"profile\x00\x00" + bomb
    text, international = b"Comment\x00\x00" + bomb, b"Comment\x00\x01\x00\x00\x00" + bomb
    lossless = encoded(Image.new("RGB", (8, 8)), "TIFF", compression="tiff_adobe_deflate")
    return {
        "png, pixels of 128 MiB": _raw_png(bomb),
        "png, profile of 128 MiB": _raw_png(pixels, png_chunk(b"iCCP", profile)),
        "png, text of 128 MiB": _raw_png(pixels, png_chunk(b"zTXt", text)),
        "png, ten texts of 128 MiB": _raw_png(pixels, png_chunk(b"zTXt", text) * 10),
        "png, international text of 128 MiB": _raw_png(pixels, png_chunk(b"iTXt", international)),
        "png, text behind the pixels": _raw_png(pixels)[:-12] + png_chunk(b"zTXt", text) + png_chunk(b"IEND", b""),
        "tiff, deflated 128 MiB": _with_strip(lossless, bomb),
    }


def _with_strip(file: bytes, strip: bytes) -> bytes:
    """The TIFF with another strip, at its end."""
    content = bytearray(file + strip)
    directory = struct.unpack_from("<I", content, 4)[0]
    for number in range(struct.unpack_from("<H", content, directory)[0]):
        at = directory + 2 + 12 * number
        tag = struct.unpack_from("<H", content, at)[0]
        if tag in (273, 279):
            struct.pack_into("<HHII", content, at, tag, 4, 1, len(file) if tag == 273 else len(strip))
    return bytes(content)


def _metadata() -> dict[str, bytes]:
    picture = Image.fromarray(scene())
    jpeg = encoded(picture, "JPEG")
    loop = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    orientations = {}
    for value in (0, 9, 65_535):
        block = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + struct.pack("<HHHIII", 1, 0x0112, 3, 1, value, 0)
        orientations[f"jpeg, orientation {value}"] = encoded(picture, "JPEG", exif=block)
    comment = b"\xff\xfe\xff\xff" + bytes(65_533)
    return {
        **orientations,
        "jpeg, exif that contains itself": encoded(picture, "JPEG", exif=loop),
        "jpeg, profile that is none": encoded(picture, "JPEG", icc_profile=b"not a profile" * 999),
        "jpeg, profile of 4 MiB": encoded(picture, "JPEG", icc_profile=bytes(4 * _MIB)),
        "jpeg, a hundred comments": jpeg[:2] + comment * 100 + jpeg[2:],
        "jpeg, ten thousand restarts": jpeg[:-2] + b"\xff\xd0" * 10_000 + jpeg[-2:],
        "png, ten thousand texts": _raw_png(zlib.compress(bytes(8 * 25)), png_chunk(b"tEXt", b"k\x00v") * 10_000),
        "webp, exif of zeros": encoded(picture, "WEBP", exif=b"Exif\x00\x00" + bytes(_MIB)),
    }


def _many_frames() -> dict[str, bytes]:
    frames = [Image.new("RGB", (4, 4), (number % 256, number // 2, 9)) for number in range(400)]
    animation = png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    gif = encoded(Image.new("P", (4, 4)), "GIF")
    frame = gif[gif.index(b",\x00\x00\x00\x00") : -1]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return {
        "apng, two thousand million frames": png(4, 4, pixels=bytes(20), extra=animation),
        "apng, no frame": png(4, 4, pixels=bytes(20), extra=png_chunk(b"acTL", bytes(8))),
        "gif, fifty thousand frames": gif[:-1] + frame * 50_000 + b";",
        "webp, four hundred frames": buffer.getvalue(),
    }


def _tiffs() -> dict[str, bytes]:
    good = grey_tiff(4, 4, 8, bytes(16))
    loop = bytearray(good)
    loop[-4:] = loop[4:8]  # the next directory is this one
    huge = {256: (4, 4), 257: (4, 4), 258: (3, 8), 259: (3, 1), 262: (3, 1)}
    at = struct.unpack_from("<I", good, 4)[0]
    counted = good[: at + 6] + b"\xff\xff\xff\xff" + good[at + 10 :]
    return {
        "tiff, a directory that follows itself": bytes(loop),
        "tiff, a value four thousand million long": counted,
        "tiff, 65535 tags": good[:at] + b"\xff\xff" + good[at + 2 :],
        "tiff, directory beyond the end": b"II*\x00\xf0\xff\xff\x7f" + bytes(64),
        "tiff, rows a strip": tiff({**huge, 278: (4, 2**32 - 1)}, bytes(16)),
        "tiff, 65535 samples": tiff({**huge, 277: (3, 65_535)}, bytes(16)),
        "tiff, big": b"II+\x00\x08\x00\x00\x00" + struct.pack("<QQ", 16, 2**63) + bytes(64),
    }


def _two_things() -> dict[str, bytes]:
    page = b"<html><script>alert(document.domain)</script></html>"
    gif = encoded(Image.new("P", (4, 4)), "GIF")
    return {
        "jpeg and zip": encoded(scene(), "JPEG") + b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18),
        "gif and page": gif[:-1] + b"!\xfe" + bytes([len(page)]) + page + b"\x00;",
        "gif header and page": b"GIF89a/*" + page + b"*/=1;",
        "png and page": encoded(scene(), "PNG") + page,
        "pdf and jpeg": b"%PDF-1.7\n" + encoded(scene(), "JPEG"),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:1/x"/></svg>',
    }


def _lying() -> dict[str, bytes]:
    lossless = encoded(Image.new("RGB", (600, 600), (9, 9, 9)), "WEBP", lossless=True)[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (7).to_bytes(3, "little") * 2
    bmp = bytearray(encoded(scene(), "BMP"))
    upside_down, colours = bytearray(bmp), bytearray(bmp)
    upside_down[22:26] = struct.pack("<i", -32)
    colours[46:50] = struct.pack("<I", 2**32 - 1)
    return {
        "webp, a canvas smaller than its picture": b"RIFF"
        + struct.pack("<I", 4 + len(canvas) + len(lossless))
        + b"WEBP"
        + canvas
        + lossless,
        "bmp, upside down": bytes(upside_down),
        "bmp, four thousand million colours": bytes(colours),
        "ppm, a number of a million digits": b"P6 " + b"9" * _MIB + b" 4 255\n" + bytes(48),
        "ppm, comment of a mebibyte": b"P6 #" + b"x" * _MIB + b"\n4 4 255\n" + bytes(48),
        "ppm, negative": b"P6 -4 4 255\n" + bytes(48),
        "ppm, no grey": b"P6 4 4 0\n" + bytes(48),
    }
