"""An image file becomes a picture that fits a prompt: decoded with suspicion, upright, downscaled, encoded anew.

Encoding anew also drops whatever the file carried besides its pixels: places, names, serial numbers.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import Image, ImageOps, UnidentifiedImageError

from invariantselect.errors import (
    ImageFormatUnsupportedError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageUnreadableError,
    PromptInvalidError,
)
from invariantselect.prompts.budget import ImageBudget, even_level, size_as_sent

__all__ = ["ImageInput", "Picture", "fit", "fit_all", "read_image"]

ImageInput: TypeAlias = bytes | str | Path | Image.Image
"""An encoded image file's bytes, its path, or a decoded image."""

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


def read_image(source: ImageInput, *, what: str) -> Image.Image:
    """The first frame of an image file, or a decoded image as it stands: upright, RGB, transparent parts white.

    Args:
        source: Bytes, a path or a decoded image.
        what: How to call it in an error, such as ``"the query image"``.

    Raises:
        ImageNotFoundError: The path can't be read.
        ImageFormatUnsupportedError: It isn't a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM.
        ImageTooLargeError: More than 64 Mi bytes or pixels; the header is enough to tell.
        ImageUnreadableError: It starts like an image and can't be decoded.
    """
    image = source if isinstance(source, Image.Image) else _open(_bytes_of(source, what), what)
    try:
        rgb = _as_rgb(ImageOps.exif_transpose(image))
    except _DECODING_FAILURES as error:
        raise ImageUnreadableError(f"{what} can't be decoded: {error}") from error
    rgb.info = {}
    return rgb


def _bytes_of(source: bytes | str | Path, what: str) -> bytes:
    if isinstance(source, bytes):
        return source
    path = Path(source)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ImageTooLargeError(f"{what} has more than {_MOST_BYTES} bytes: {path}")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise ImageNotFoundError(
            f"{what} can't be read: {error}", hint="Give the path of a readable image file."
        ) from error


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
    if image.mode.startswith("I"):  # 16 bits of grey, whatever Pillow calls them; convert() would clip, not scale
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _encodings(image: Image.Image, encoding: Literal["jpeg", "png"]) -> Iterator[Picture]:
    if encoding == "png":
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        yield Picture("image/png", buffer.getvalue())
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
        small = max(scaled.size) <= _SMALL_SIDE
        encoding = budget.encoding if budget.encoding != "auto" else ("png" if small else "jpeg")
        for picture in _encodings(scaled, encoding):
            if picture.size <= most:
                return picture
        if side <= _SMALLEST_SIDE:
            raise PromptInvalidError(
                f"{what} doesn't fit into {most} bytes", hint="Raise the image budget, or select fewer demonstrations."
            )
        side = max(side * _SHRINK, _SMALLEST_SIDE)


def fit_all(
    demonstrations: Sequence[tuple[str, bytes]], query: ImageInput, budget: ImageBudget
) -> tuple[list[Picture], Picture]:
    """Pictures of all demonstrations and of the query within one budget.

    Args:
        demonstrations: How to call each in an error, and its encoded file.
        query: The query image.
        budget: The limits. The query may take 1/(n + 1) of the total; the n demonstrations share the rest, the
            smaller ones unharmed, and never depend on the query, so a prompt's beginning can be cached.

    Returns:
        The demonstrations' pictures in order, and the query's.

    Raises:
        PromptInvalidError: The budget can't be met.
        InvariantSelectError: An image can't be used, see `read_image`.
    """
    query_share = budget.max_total_bytes // (len(demonstrations) + 1)
    images = [(what, read_image(data, what=what)) for what, data in demonstrations]
    most = budget.max_image_bytes
    pictures = [fit(image, budget, most=most, what=what) for what, image in images]
    level = even_level([picture.size for picture in pictures], budget.max_total_bytes - query_share)
    for place, (what, image) in enumerate(images):
        if pictures[place].size > level:
            pictures[place] = fit(image, budget, most=level, what=what)
    what = "the query image"
    shown = fit(read_image(query, what=what), budget, most=min(most, query_share), what=what)
    return pictures, shown
