"""An image file becomes a picture that fits a prompt: decoded with suspicion, upright, downscaled, encoded anew.

Encoding anew also drops whatever the file carried besides its pixels: places, names, serial numbers.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, UnidentifiedImageError

from invariantselect.deep_pixels import is_deep, shallow
from invariantselect.errors import (
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    PromptInvalidError,
)
from invariantselect.orientation import orientation_of, upright
from invariantselect.prompts.budget import Encoding, ImageBudget, even_level, size_as_sent

__all__ = ["Picture", "fit", "fit_all", "read_image"]

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_MOST_PIXELS = 64 * 2**20
_MOST_BYTES = 64 * 2**20
_SMALL_SIDE = 128
_QUALITIES = (85, 70, 55, 40)
_SHRINK = 0.75
_SMALLEST_SIDE = 8
_DECODING_FAILURES = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error)
"""What Pillow's decoders raise for a damaged file, besides its own errors."""


@dataclass(frozen=True)
class Picture:
    """An image as it stands in a prompt: its media type and its encoded bytes."""

    media_type: Literal["image/jpeg", "image/png"]
    data: bytes

    @property
    def base64(self) -> str:
        """The bytes as base64 text."""
        return base64.b64encode(self.data).decode("ascii")

    @property
    def data_uri(self) -> str:
        """The bytes as ``data:image/jpeg;base64,…``."""
        return f"data:{self.media_type};base64,{self.base64}"

    @property
    def size(self) -> int:
        """Bytes as sent."""
        return size_as_sent(len(self.data))


def read_image(data: bytes, *, what: str) -> Image.Image:
    """The first frame of an image file, upright, as RGB; transparent parts become white.

    Args:
        data: The encoded file.
        what: How to call it in an error, such as ``"the query image"``.

    Raises:
        ImageFormatUnsupportedError: It isn't a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM.
        ImageTooLargeError: More than 64 Mi bytes or pixels; the header is enough to tell.
        ImageUnreadableError: It starts like an image and can't be decoded.
    """
    image = _open(data, what)
    try:
        orientation = orientation_of(image, data)  # before the pixels: decoding forgets it
        rgb = upright(_as_rgb(image), orientation)
    except _DECODING_FAILURES as error:
        raise ImageUnreadableError(f"{what} can't be decoded: {error}") from error
    rgb.info = {}
    return rgb


def _open(data: bytes, what: str) -> Image.Image:
    if len(data) > _MOST_BYTES:
        raise ImageTooLargeError(f"{what} has more than {_MOST_BYTES} bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"{what} has too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        raise ImageFormatUnsupportedError(f"{what} is not a supported image") from error
    except _DECODING_FAILURES as error:
        raise ImageUnreadableError(f"{what} can't be decoded: {error}") from error
    if image.width * image.height > _MOST_PIXELS:
        raise ImageTooLargeError(f"{what} has {image.width} × {image.height} pixels, more than {_MOST_PIXELS}")
    return image


def _as_rgb(image: Image.Image) -> Image.Image:
    if is_deep(image):
        return shallow(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _encodings(image: Image.Image, encoding: Encoding) -> Iterator[Picture]:
    """An image in each encoding that may be tried, the best first."""
    if encoding == "png" or (encoding == "auto" and max(image.size) <= _SMALL_SIDE):
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        yield Picture("image/png", buffer.getvalue())
    if encoding == "png":
        return
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
        yield Picture("image/jpeg", buffer.getvalue())


def fit(image: Image.Image, budget: ImageBudget, *, most: int, what: str) -> Picture:
    """The best picture of an image within a budget: first the quality gives, then the size. Same image, same bytes.

    Args:
        image: RGB, upright.
        budget: Its `max_side` and `encoding` hold.
        most: Bytes as sent that the picture may have.
        what: How to call it in an error.

    Raises:
        PromptInvalidError: Even 8 pixels a side don't fit.
    """
    side = float(min(budget.max_side, max(image.size)))
    while True:
        scaled = image.copy()
        scaled.thumbnail((max(1, int(side)), max(1, int(side))), Image.Resampling.LANCZOS)
        for picture in _encodings(scaled, budget.encoding):
            if picture.size <= most:
                return picture
        if side <= _SMALLEST_SIDE:
            raise PromptInvalidError(
                f"{what} doesn't fit into {most} bytes", hint="Raise the image budget, or select fewer demonstrations."
            )
        side = max(side * _SHRINK, _SMALLEST_SIDE)


def fit_all(files: Sequence[tuple[str, bytes]], budget: ImageBudget, *, most: int) -> list[Picture]:
    """Pictures of all image files within a total that they share: where it is too small, the larger ones give.

    Args:
        files: How to call each in an error, and its encoded file.
        budget: Its `max_side`, `max_image_bytes` and `encoding` hold.
        most: Bytes as sent that all may have together.

    Raises:
        PromptInvalidError: The budget can't be met.
        ImageUnreadableError: An image can't be used, or another error of `read_image`.
    """
    pictures = [
        fit(read_image(data, what=what), budget, most=budget.max_image_bytes, what=what) for what, data in files
    ]
    level = even_level([picture.size for picture in pictures], most)
    return [
        picture if picture.size <= level else fit(read_image(data, what=what), budget, most=level, what=what)
        for picture, (what, data) in zip(pictures, files, strict=True)
    ]
