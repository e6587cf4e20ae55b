"""Images as people have them: a path, bytes, an open file, a Pillow image or a data URI."""

from __future__ import annotations

import base64
import binascii
import io
import os
import struct
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

from invariantselect.errors import ImageNotFoundError, ImageUnreadableError, RequestMalformedError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageInput", "data_uri", "image_bytes", "is_image_input"]

ImageInput: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image"
"""A path, the bytes of an image file, an open binary file, a Pillow image, or a data URI. A str is a path unless it
begins with ``data:``."""

_PNG_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_WITH_ALPHA = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA"}
# What Pillow's PNGs would tell of the picture as it lay before it was turned.
_OF_THE_FILE = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    *((b"P%d" % digit, "image/x-portable-anymap") for digit in range(1, 7)),
)


def image_bytes(image: ImageInput) -> bytes:
    """The encoded image file that `image` stands for. Nothing is decoded, except that a Pillow image becomes a PNG.

    Raises:
        ImageNotFoundError: A path that can't be read, or a URL: URLs are not fetched.
        ImageUnreadableError: No bytes at all, a file opened as text, or a Pillow image that can't be saved.
        RequestMalformedError: A broken data URI.
        TypeError: None of the kinds of `ImageInput`.
    """
    if isinstance(image, str) and image[:5].lower() == "data:":
        data = _from_data_uri(image)
    elif isinstance(image, str | os.PathLike):
        data = _from_path(image)
    elif isinstance(image, bytes | bytearray | memoryview):
        data = bytes(image)
    elif _is_pillow_image(image):
        data = _from_pillow(image)
    elif hasattr(image, "read"):
        data = _from_file(cast("IO[Any]", image))
    else:
        raise TypeError(f"an image is a path, bytes, an open file, a Pillow image or a data URI, not {type(image)}")
    if not data:
        raise ImageUnreadableError("the image has no bytes")
    return data


def is_image_input(value: object) -> TypeGuard[ImageInput]:
    """Whether `value` is one image, rather than a collection of them."""
    kinds = (str, os.PathLike, bytes, bytearray, memoryview)
    return isinstance(value, kinds) or _is_pillow_image(value) or hasattr(value, "read")


def data_uri(data: bytes) -> str:
    """``data:<media type>;base64,…`` of an image file, its type told by its first bytes."""
    return f"data:{_media_type(data)};base64,{base64.b64encode(data).decode('ascii')}"


def _media_type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    matches = (media_type for signature, media_type in _SIGNATURES if data.startswith(signature))
    return next(matches, "application/octet-stream")


def _from_path(path: str | os.PathLike[str]) -> bytes:
    if isinstance(path, str) and path[:8].lower().startswith(("http://", "https://")):
        raise ImageNotFoundError("the image is given as a URL", hint="Download the image first; URLs are not fetched.")
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ImageNotFoundError(
            f"the image {os.fspath(path)!r:.300} can't be read: {reason}", hint="Check the path."
        ) from error


def _from_data_uri(uri: str) -> bytes:
    head, comma, payload = uri.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise RequestMalformedError(
            "the data URI isn't of the form data:<media type>;base64,…", hint="Encode the image file as base64."
        )
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestMalformedError(
            "the data URI holds broken base64", hint="Encode the image file as base64."
        ) from error


def _from_file(file: IO[Any]) -> bytes:
    data = file.read()
    if not isinstance(data, bytes):
        raise ImageUnreadableError("the file is opened as text", hint="Open it with mode 'rb'.")
    return data


def _is_pillow_image(value: object) -> TypeGuard[Image]:
    pillow = sys.modules.get("PIL.Image")  # nobody holds a Pillow image before Pillow is imported
    return pillow is not None and isinstance(value, pillow.Image)


def _from_pillow(image: Image) -> bytes:
    from invariantselect.orientation import known_orientation, upright  # Pillow is imported already

    buffer = io.BytesIO()
    try:
        image.load()
        plain = upright(_as_png_mode(image), known_orientation(image)).copy()
        plain.info = {name: value for name, value in image.info.items() if name not in _OF_THE_FILE}
        plain.save(buffer, format="PNG")
    except (OSError, ValueError, TypeError, OverflowError, SyntaxError, struct.error) as error:
        raise ImageUnreadableError(f"the Pillow image can't be saved: {error}") from error
    return buffer.getvalue()


def _as_png_mode(image: Image) -> Image:
    from invariantselect.deep_pixels import is_deep, shallow, tells_its_white

    if is_deep(image) and (tells_its_white(image) or not image.mode.startswith("I;16")):
        return shallow(image)  # a PNG holds 16 bits at most, and says nothing of white
    if image.mode in _PNG_MODES:
        return image
    if is_deep(image):
        return image.convert("I").convert("I;16")
    return image.convert(_WITH_ALPHA.get(image.mode, "RGB"))
