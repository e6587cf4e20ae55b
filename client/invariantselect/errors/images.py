"""What is wrong with an image."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "ImageFormatUnsupportedError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "ImageUnreadableError",
]


class ImageUnreadableError(InvariantSelectError):
    """Empty, truncated or corrupt: it starts like an image and can't be decoded."""

    code = "image_unreadable"
    status = 422
    title = "The image can't be decoded"
    default_hint = "Open the file in a viewer; export it again if it is damaged."


class ImageTooLargeError(InvariantSelectError):
    """More pixels or bytes than allowed, refused from the header before any pixel is decoded."""

    code = "image_too_large"
    status = 413
    title = "The image is too large"
    default_hint = "Downscale it; the limits are INVARIANTSELECT_MAX_IMAGE_PIXELS and INVARIANTSELECT_MAX_IMAGE_BYTES."


class ImageFormatUnsupportedError(InvariantSelectError):
    """Not an image, or of a format that is not decoded on purpose."""

    code = "image_format_unsupported"
    status = 415
    title = "The file is not a supported image"
    default_hint = "Use JPEG, PNG, WebP, GIF, BMP, TIFF or PPM."


class ImageNotFoundError(InvariantSelectError):
    """A manifest, a demonstration or an argument names an image that isn't there, or lies outside the allowed root."""

    code = "image_not_found"
    status = 404
    title = "There is no such image"
    default_hint = "Check the path; paths in a manifest are relative to the manifest and may not leave its folder."
