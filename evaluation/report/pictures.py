"""Pictures inside the page: decoded with limits, made small, saved anew, so that nothing of the file goes along."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from encoders.decode import decode
from invariantselect.errors import ImageFormatUnsupportedError, ImageTooLargeError, ImageUnreadableError

__all__ = ["InlinePicture", "inline_picture"]


@dataclass(frozen=True)
class InlinePicture:
    """A picture as a data URI.

    Attributes:
        data_uri: ``data:image/jpeg;base64,…``.
        width: In pixels.
        height: In pixels.
    """

    data_uri: str
    width: int
    height: int


def inline_picture(
    picture: Callable[[str], bytes | None] | None, identifier: str, *, side: int
) -> InlinePicture | None:
    """The picture of a query or a demonstration; None where there is none, or it can't be decoded.

    Args:
        picture: Bytes of the image file by id.
        identifier: Of the query or demonstration.
        side: Longest side in pixels; a smaller picture keeps its size.
    """
    data = None if picture is None else picture(identifier)
    if data is None:
        return None
    try:
        image = decode(data)
    except (ImageUnreadableError, ImageFormatUnsupportedError, ImageTooLargeError):
        return None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.new("RGB", image.size)  # a copy would carry the file's comments along
    bare.paste(image)
    buffer = io.BytesIO()
    bare.save(buffer, "JPEG", quality=78, optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return InlinePicture(f"data:image/jpeg;base64,{encoded}", bare.width, bare.height)
