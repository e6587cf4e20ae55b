"""Untrusted bytes become an upright 8-bit RGB picture, or a typed error."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from encoders.image_header import DecodeLimits, ImageHeader, open_header, probe
from encoders.pixels import to_rgb
from invariantselect.errors import ImageUnreadableError, InvariantSelectError
from invariantselect.orientation import upright

__all__ = ["DecodeLimits", "ImageHeader", "Undecoded", "decode", "probe", "undecoded"]


@dataclass(frozen=True, eq=False)
class Undecoded:
    """An image file that was opened and found within the limits; of its pixels nothing is decoded yet.

    It should not be kept: some formats allocate the picture when they are opened.

    Attributes:
        header: What the file says about itself.
    """

    header: ImageHeader
    _image: Image.Image
    _orientation: int

    def decode(self) -> Image.Image:
        """The picture, as of the function `decode`. Once only.

        Raises:
            ImageUnreadableError: Truncated or corrupt.
        """
        try:
            tiles = getattr(self._image, "tile", ())  # forgotten once it is loaded
            deep = any(";16" in str(tile.args) for tile in tiles)
            self._image.load()
            return upright(to_rgb(self._image, deep=deep), self._orientation)
        except (MemoryError, InvariantSelectError):
            raise
        except Exception as error:  # Pillow's decoders fail in every way there is; none of them may pass as ours
            header = self.header
            raise ImageUnreadableError(
                f"The {header.format} image of {header.width} × {header.height} pixels is damaged or cut off."
            ) from error


def undecoded(data: bytes, limits: DecodeLimits = DecodeLimits()) -> Undecoded:  # noqa: B008 -- frozen
    """Open an image file and check its header, as the first half of `decode`.

    Raises:
        ImageUnreadableError, ImageFormatUnsupportedError, ImageTooLargeError: As `probe`.
    """
    image, header, orientation = open_header(data, limits)
    return Undecoded(header, image, orientation)


def decode(data: bytes, limits: DecodeLimits = DecodeLimits()) -> Image.Image:  # noqa: B008 -- frozen
    """Decode an image file.

    Formats are JPEG, PNG, WebP, GIF, BMP, TIFF and PPM; the first frame or page of several. The picture is turned
    upright by its EXIF orientation; `encoders.pixels.to_rgb` says how palettes, alpha, CMYK and deep samples become
    8-bit RGB. Safe to call from several threads.

    Args:
        data: The file.
        limits: What is refused, from the header alone and before memory is spent on pixels.

    Returns:
        A decoded image of mode RGB; its size is the one `probe` tells.

    Raises:
        ImageUnreadableError: Empty, truncated or corrupt.
        ImageFormatUnsupportedError: Not an image of a supported format.
        ImageTooLargeError: More bytes or pixels than the limits allow.
    """
    return undecoded(data, limits).decode()
