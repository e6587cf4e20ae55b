"""What images may cost in a prompt, and how a shared total is divided among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from invariantselect.errors import PromptInvalidError

__all__ = ["Encoding", "ImageBudget", "even_level", "size_as_sent"]

Encoding: TypeAlias = Literal["auto", "jpeg", "png"]

_SMALLEST_SIDE = 8
_SMALLEST_BYTES = 1024


@dataclass(frozen=True)
class ImageBudget:
    """Limits for the images of one prompt. Bytes count as sent, that is as base64 text: vendors limit that size.

    Args:
        max_side: Longest side in pixels; a larger image is downscaled, a smaller one never upscaled.
        max_image_bytes: Most bytes of one image.
        max_total_bytes: Most bytes of all images together. The query always has an equal share of it, and the
            demonstrations divide the rest, so their bytes don't depend on the query.
        encoding: ``"jpeg"``; ``"png"`` for lossless pixels; ``"auto"`` prefers PNG up to 128 pixels a side, where
            JPEG's blocks show and save little, and takes JPEG above.

    Raises:
        PromptInvalidError: A limit too small to hold any picture, or an unknown encoding.
    """

    max_side: int = 768
    max_image_bytes: int = 1_000_000
    max_total_bytes: int = 15_000_000
    encoding: Encoding = "auto"

    def __post_init__(self) -> None:
        if self.max_side < _SMALLEST_SIDE:
            raise PromptInvalidError(f"max_side is {self.max_side}; it can't be below {_SMALLEST_SIDE} pixels")
        for name in ("max_image_bytes", "max_total_bytes"):
            if getattr(self, name) < _SMALLEST_BYTES:
                raise PromptInvalidError(f"{name} is {getattr(self, name)}; it can't be below {_SMALLEST_BYTES} bytes")
        if self.encoding not in ("auto", "jpeg", "png"):
            raise PromptInvalidError(f"the encoding {self.encoding!r} is none of auto, jpeg and png")


def size_as_sent(size: int) -> int:
    """Characters of base64 that `size` bytes become."""
    return 4 * ((size + 2) // 3)


def even_level(sizes: Sequence[int], total: int) -> int:
    """The largest level with Σ min(size, level) ≤ total: what each may take when only the larger ones have to give.

    Args:
        sizes: What each would like to take.
        total: What all may take together.

    Returns:
        The level; ``max(sizes)`` where everything fits, 0 for no sizes.
    """
    left, level = total, 0
    for taken, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - taken)
        if share < size:
            return share
        left, level = left - size, size
    return level
