"""Which way is up: the EXIF orientation of a picture, read from its header and applied to its pixels.

Source: CIPA DC-008, Exif 2.32, 2019, tag 274 (Orientation), https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf.
"""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

__all__ = ["known_orientation", "orientation_of", "swaps_sides", "upright"]

_ORIENTATION_TAG = 274

_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(header: Image.Image, data: bytes) -> int:
    """The orientation that the file claims, 1 (upright) to 8; 1 where it is absent or unreadable.

    Args:
        header: The opened file, its pixels not yet decoded.
        data: The file.
    """
    if header.format == "TIFF":
        return 1  # Pillow turns TIFFs itself, and reports their size already turned.
    block = header.info.get("exif")
    if block is None and header.format == "PNG":
        block = _png_exif(data)
    if not isinstance(block, bytes):
        return 1
    exif = Image.Exif()

    def load() -> Image.Exif:
        exif.load(block)
        return exif

    return _of(load)


def known_orientation(image: Image.Image) -> int:
    """The orientation of an image that somebody opened with Pillow, 1 to 8; 1 where it is absent or unreadable.

    Args:
        image: Decoded: Pillow turns TIFFs itself then.
    """
    return _of(image.getexif)


def _of(read: Callable[[], Image.Exif]) -> int:
    try:
        value = read().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 -- a photo with broken metadata is still a photo; Pillow fails in many ways here
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def swaps_sides(orientation: int) -> bool:
    """Whether width and height change places when the picture is turned upright."""
    return orientation >= 5


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned and mirrored so that its orientation is 1."""
    method = _TO_UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _png_exif(data: bytes) -> bytes | None:
    """The eXIf chunk of a PNG wherever it stands; Pillow's header ends at the pixels."""
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"eXIf":
            return data[position + 8 : position + 8 + length]
        position += length + 12
    return None
