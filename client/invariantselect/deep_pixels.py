"""Grey samples of more than 8 bits as 8-bit grey, by the rules of the encoders (`encoders.pixels`), without NumPy.

Pillow's own ``convert`` clips at 255, which turns a radiograph white and a picture of floats from 0 to 1 black.
"""

from __future__ import annotations

import math
from array import array
from typing import cast

from PIL import Image

__all__ = ["is_deep", "shallow", "tells_its_white"]

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262


def is_deep(image: Image.Image) -> bool:
    """Whether its samples are of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def tells_its_white(image: Image.Image) -> bool:
    """Whether the file that it was opened from says something else of white than that it is the largest sample."""
    return _tag(image, _BITS_PER_SAMPLE, default=16) == 12 or _tag(image, _PHOTOMETRIC, default=1) == 0


def shallow(image: Image.Image) -> Image.Image:
    """A deep image in mode L.

    16 bits are scaled by their white (65535; 4095 where a TIFF says 12 bits), floats within 0 to 1 by 1, all others by
    their own finite range; one constant value becomes black, as does what isn't finite. White-is-zero is turned.

    Args:
        image: As it was opened or made, not yet turned: its tags count.
    """
    grey = _from_16_bits(image) if image.mode.startswith("I;16") else _from_32_bits(image)
    return grey.point(lambda value: 255 - value) if _tag(image, _PHOTOMETRIC, default=1) == 0 else grey


def _from_16_bits(image: Image.Image) -> Image.Image:
    white = 4095 if _tag(image, _BITS_PER_SAMPLE, default=16) == 12 else 65535
    table = [min(255, (value * 255 + white // 2) // white) for value in range(65536)]
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and 0 <= transparent < len(table):
        table[transparent] = 255
    return image.convert("I").point(table, "L")


def _from_32_bits(image: Image.Image) -> Image.Image:
    low, high = cast("tuple[float, float]", image.getextrema())
    if not (math.isfinite(low) and math.isfinite(high)):
        image, low, high = _finite(image)
    if image.format == "PPM" and image.mode == "I":
        low, high = 0, 65535
    elif image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0, 1
    factor = 255 / (high - low) if high > low else 0.0
    offset = 0.5 - low * factor  # half a step: the conversion to L cuts off, and this makes it round
    return image.point(lambda value: value * factor + offset).convert("L")


def _finite(image: Image.Image) -> tuple[Image.Image, float, float]:
    """The image with its smallest finite sample in place of those that aren't, and its range."""
    samples = array("f", image.tobytes())
    finite = [sample for sample in samples if math.isfinite(sample)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    known = array("f", (sample if math.isfinite(sample) else low for sample in samples))
    return Image.frombytes("F", image.size, known.tobytes()), low, high


def _tag(image: Image.Image, tag: int, *, default: int) -> int:
    value = getattr(image, "tag_v2", {}).get(tag, default)
    if isinstance(value, tuple) and value:
        value = value[0]
    return value if isinstance(value, int) else default
