"""A picture as 16 × 16 grey values: copies of it have the same, however they were saved or scaled.

Encoders are made to tell kinds of things apart, and a copy that was saved again may lie as far off as a stranger.
Source of the idea: perceptual hashes by block mean, Yang, Gu and Niu, Block Mean Value Based Image Perceptual Hashing,
2006, https://doi.org/10.1109/IIH-MSP.2006.265125; here without the rounding to bits.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from PIL import Image

__all__ = ["SIDE", "thumbnail"]

SIDE = 16


def thumbnail(image: Image.Image) -> Float32[np.ndarray, " pixels"]:
    """The block means of an image, so that the inner product of two is their correlation.

    Args:
        image: Decoded, of any size.

    Returns:
        (256,) float32: mean 0 and L2-normalised; all zeros for an image of one grey.
    """
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32).ravel()
    centred: Float32[np.ndarray, " pixels"] = grey - grey.mean()
    norm = np.linalg.norm(centred)
    if norm > 0:
        centred /= norm
    return centred
