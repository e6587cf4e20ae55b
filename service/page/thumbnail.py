"""A stored image becomes a small picture that a page can carry inside itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

__all__ = ["Thumbnail", "make_thumbnail"]

_LOSSLESS_UP_TO = 96  # an icon or a digit scan: JPEG would smear it and save nothing


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data URI.

    Attributes:
        data_uri: ``data:image/png;base64,…`` or ``data:image/jpeg;base64,…``.
        width: Of the thumbnail, in pixels.
        height: Of the thumbnail, in pixels.
        tiny: Whether it is so small that a browser should enlarge it with hard pixel edges.
    """

    data_uri: str
    width: int
    height: int
    tiny: bool


def make_thumbnail(image: Image.Image, *, side: int = 448) -> Thumbnail:
    """Downscale a decoded RGB image to at most `side` pixels and inline it; a smaller image keeps its pixels.

    Args:
        image: A decoded RGB image of any size; it is not changed.
        side: Longest side of the thumbnail in pixels.
    """
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    tiny = max(small.size) <= _LOSSLESS_UP_TO
    buffer = io.BytesIO()
    if tiny:
        small.save(buffer, "PNG", optimize=True)
    else:
        small.save(buffer, "JPEG", quality=85, optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/{'png' if tiny else 'jpeg'};base64,{encoded}", small.width, small.height, tiny)
