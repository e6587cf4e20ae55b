"""What an image file says about itself, read without decoding a pixel: the place where bombs are refused."""

from __future__ import annotations

import io
import logging
import re
import warnings
from dataclasses import dataclass

from PIL import Image

from invariantselect.errors import (
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
)
from invariantselect.orientation import orientation_of, swaps_sides

__all__ = ["DecodeLimits", "ImageHeader", "open_header", "probe"]

# Decoders that may see untrusted bytes. Everything else Pillow could open (EPS runs Ghostscript, …) stays shut.
_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "PPM": "image/x-portable-anymap",
}
_MAGIC = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "BMP": re.compile(rb"BM.{12}[\x0c(48@l|]\x00{3}", re.DOTALL),
    "TIFF": re.compile(rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]"),
    "PPM": re.compile(rb"P[1-6f][\s#]"),
}
_TILE_WIDTH, _TILE_LENGTH = 322, 323
# A progressive JPEG is decoded once per scan: thousands of empty scans turn kilobytes into minutes. Encoders write 10.
_MAX_JPEG_SCANS = 100
# What is wrong with an image is told to whoever sent it: without a handler, Pillow's logs would go to the terminal.
logging.getLogger("PIL").addHandler(logging.NullHandler())
_PILLOW_REMARKS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


@dataclass(frozen=True)
class DecodeLimits:
    """How large an image may be.

    Attributes:
        max_bytes: Of the file.
        max_pixels: Width × height, checked before memory is spent on them.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or self.max_pixels < 1:
            raise ValueError("max_bytes and max_pixels are at least 1")
        ceiling = 2 * (Image.MAX_IMAGE_PIXELS or self.max_pixels)
        if self.max_pixels > ceiling:
            raise ValueError(f"max_pixels is {self.max_pixels}, but Pillow refuses images above {ceiling} pixels")


@dataclass(frozen=True)
class ImageHeader:
    """What a file says about its picture.

    Attributes:
        format: ``JPEG``, ``PNG``, ``WEBP``, ``GIF``, ``BMP``, ``TIFF`` or ``PPM``.
        media_type: Of the bytes, as sent in Content-Type.
        width: In pixels, as the decoded picture has it (EXIF orientation applied).
        height: In pixels, likewise.
    """

    format: str
    media_type: str
    width: int
    height: int


def probe(data: bytes, limits: DecodeLimits = DecodeLimits()) -> ImageHeader:
    """Read the header of an image file; no pixel is decoded and no memory is spent on the picture.

    Args:
        data: The file.
        limits: What is refused.

    Raises:
        ImageUnreadableError: Empty, or the header is damaged.
        ImageFormatUnsupportedError: Not an image of a supported format.
        ImageTooLargeError: More bytes or pixels than the limits allow.
    """
    return open_header(data, limits)[1]


def open_header(data: bytes, limits: DecodeLimits) -> tuple[Image.Image, ImageHeader, int]:
    """Open an image file lazily and check it against the limits.

    Returns:
        Pillow's image with its pixels still undecoded, the header, and the EXIF orientation (1 to 8) to apply.

    Raises:
        ImageUnreadableError, ImageFormatUnsupportedError, ImageTooLargeError: As `probe`.
    """
    name = _sniffed(data, limits)
    _hush_pillow()
    if name == "WEBP":
        _check_webp_canvas(data, limits)  # Pillow's WebP opener allocates the canvas, so this comes first.
    if name == "JPEG" and data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        raise ImageUnreadableError(f"The JPEG has more than {_MAX_JPEG_SCANS} scans; no honest encoder writes so many.")
    try:
        image = Image.open(io.BytesIO(data), formats=(name,))
        tile = (_tag(image, _TILE_WIDTH), _tag(image, _TILE_LENGTH)) if name == "TIFF" else (1, 1)
        orientation = orientation_of(image, data)
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"The {name} image claims more pixels than Pillow's own ceiling.") from error
    except MemoryError:
        raise
    except Exception as error:
        raise ImageUnreadableError(
            f"The header of the {name} image is damaged, cut off or of a kind that isn't decoded."
        ) from error
    _check_size(image.size, limits)
    _check_size(tile, limits)
    width, height = image.size[::-1] if swaps_sides(orientation) else image.size
    return image, ImageHeader(name, _MEDIA_TYPES[name], width, height), orientation


def _hush_pillow() -> None:
    """Keep Pillow's remarks on odd metadata and big pictures out of the user's sight; typed errors say what matters.

    A process-wide filter for that one package, because ``warnings.catch_warnings`` is not safe among threads. It is
    put back to the front on each call, because test runners and libraries put theirs before it.
    """
    if not warnings.filters or warnings.filters[0] != _PILLOW_REMARKS:
        warnings.filterwarnings("ignore", module=r"PIL\.")


def _sniffed(data: bytes, limits: DecodeLimits) -> str:
    if not data:
        raise ImageUnreadableError("The file is empty (0 bytes).")
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(f"The file has {len(data)} bytes; at most {limits.max_bytes} are allowed.")
    for name, magic in _MAGIC.items():
        if magic.match(data):
            return name
    raise ImageFormatUnsupportedError("The file does not start like a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM image.")


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageUnreadableError(f"The image claims to be {width} × {height} pixels.")
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"The image is {width} × {height} = {width * height} pixels; at most {limits.max_pixels} are allowed."
        )


def _check_webp_canvas(data: bytes, limits: DecodeLimits) -> None:
    """Canvas size from the first chunk: RFC 9649, WebP Image Format, 2024, https://www.rfc-editor.org/rfc/rfc9649."""
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
    elif chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        raise ImageUnreadableError("The header of the WEBP image is damaged or cut off.")
    _check_size((width, height), limits)


def _tag(image: Image.Image, tag: int) -> int:
    """A TIFF tag that libtiff sizes its buffers by; 1 where absent. Pillow checks the picture, not its tiles."""
    value = getattr(image, "tag_v2", {}).get(tag, 1)
    return value if isinstance(value, int) else 1
