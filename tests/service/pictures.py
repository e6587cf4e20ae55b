"""Small pictures that differ, as files and as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

__all__ = ["data_uri", "picture", "png"]


def picture(number: int, side: int = 12) -> Image.Image:
    """A picture that no other number gives."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png(number: int, side: int = 12) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    picture(number, side).save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(number: int) -> str:
    """The PNG file, inlined."""
    return f"data:image/png;base64,{base64.b64encode(png(number)).decode()}"
