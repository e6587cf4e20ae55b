"""Any kind of pixel Pillow can decode, as 8-bit RGB.

Pillow's own ``convert("RGB")`` clips 16-bit and 32-bit samples at 255, which turns a radiograph white, and drops
alpha, which shows whatever colour lay hidden under it. Here samples are scaled, and transparency shows white paper.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Num, UInt8
from PIL import Image

from invariantselect.errors import ImageFormatUnsupportedError

__all__ = ["to_rgb"]

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339


def to_rgb(image: Image.Image, *, deep: bool = False) -> Image.Image:
    """The picture as 8-bit RGB.

    - Transparency (alpha channels, transparent palette entries and colours) is laid on white.
    - 16-bit grey is scaled by its white (65535; 4095 where a TIFF says 12 bits).
    - Floats within 0 to 1 take 1 as white. All other 32-bit or signed samples have no agreed white: their own finite
      range is stretched to black–white; one constant value becomes black, as does what isn't finite.
    - CMYK is converted by the naive formula, after Adobe's inversion in JPEGs; embedded profiles are not applied.

    Args:
        image: Decoded, of any mode.
        deep: Whether the file's samples have 16 bits, of which Pillow leaves the upper 8 in colours.

    Raises:
        ImageFormatUnsupportedError: A colour space that isn't converted here (CIELAB).
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I;16"):
        return _grey(_from_16_bits(image), image)
    if image.mode in {"I", "F"}:
        return _grey(_from_32_bits(image), image)
    if image.has_transparency_data:
        return _on_white(_with_upper_bits(image) if deep else image)
    if image.mode in {"LAB", "HSV"}:
        raise ImageFormatUnsupportedError(f"The image is in the colour space {image.mode}, which isn't converted.")
    return image.convert("RGB")


def _with_upper_bits(image: Image.Image) -> Image.Image:
    """Where a colour is the transparent one, of that colour the bits that Pillow leaves of all."""
    colour = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(colour, tuple):
        image.info["transparency"] = tuple(sample >> 8 for sample in colour)
    return image


def _on_white(image: Image.Image) -> Image.Image:
    # Premultiplied modes and grey with alpha have no direct way to RGBA in Pillow.
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    paper = Image.new("RGB", rgba.size, (255, 255, 255))
    paper.paste(rgba, mask=rgba.getchannel("A"))
    return paper


def _from_16_bits(image: Image.Image) -> UInt8[np.ndarray, "height width"]:
    bits = _tag(image, _BITS_PER_SAMPLE, default=16)
    white = 4095 if bits == 12 else 65535
    # A table, not arithmetic on the picture: 64 megapixels of float64 would be half a gigabyte.
    table = ((np.arange(65536, dtype=np.uint32) * 255 + white // 2) // white).clip(0, 255).astype(np.uint8)
    samples = np.asarray(image).astype(np.uint16, copy=False)
    grey = table[samples]
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[samples == transparent] = 255
    return grey


def _from_32_bits(image: Image.Image) -> UInt8[np.ndarray, "height width"]:
    samples = np.asarray(image)
    if image.format == "TIFF" and image.mode == "I" and _tag(image, _SAMPLE_FORMAT, default=1) == 1:
        samples = samples.view(np.uint32)  # Pillow has no mode for these
    finite = np.isfinite(samples)
    if not finite.any():
        return np.zeros(samples.shape, dtype=np.uint8)
    low, high = float(samples[finite].min()), float(samples[finite].max())
    if image.format == "PPM" and image.mode == "I":
        low, high = 0.0, 65535.0
    elif image.mode == "F" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    return _stretched(samples, low, high)


def _stretched(samples: Num[np.ndarray, "height width"], low: float, high: float) -> UInt8[np.ndarray, "height width"]:
    grey = np.zeros(samples.shape, dtype=np.uint8)
    if high > low:
        for row, out in zip(samples, grey, strict=True):  # row by row: float64 for one row at a time
            # Halved before the subtraction, so that the whole float range doesn't overflow.
            share = (row.astype(np.float64) / 2 - low / 2) / (high / 2 - low / 2)
            out[:] = np.rint(np.nan_to_num(share, nan=0.0, posinf=0.0, neginf=0.0) * 255).astype(np.uint8)
    return grey


def _grey(samples: UInt8[np.ndarray, "height width"], source: Image.Image) -> Image.Image:
    if _tag(source, _PHOTOMETRIC, default=1) == 0:  # WhiteIsZero; Pillow inverts 8-bit samples only
        samples = 255 - samples
    return Image.fromarray(samples).convert("RGB")


def _tag(image: Image.Image, tag: int, *, default: int) -> int:
    value = getattr(image, "tag_v2", {}).get(tag, default)
    if isinstance(value, tuple) and value:
        value = value[0]
    return value if isinstance(value, int) else default
