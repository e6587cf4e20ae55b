"""Views of an image that keep its class: another crop, other colours, drawn from a seed so that they can be redrawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from PIL import Image

from encoders.preprocess import Preprocessing

__all__ = ["Augmentation", "view"]

Box = tuple[float, float, float, float]

_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_LUMA = np.array([0.299, 0.587, 0.114])
# From RGB to a brightness and two differences of colour, whose plane a change of hue turns (ITU-R BT.470, NTSC).
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


@dataclass(frozen=True)
class Augmentation:
    """How far a view may stray. The defaults keep left and right: a mirrored digit is another thing.

    Attributes:
        least_area: Smallest share of the image's area that a crop keeps.
        stretch: Most that a crop's proportions differ from the image's, as a factor.
        mirror: Probability of a mirror image.
        colour: Probability that colours are changed.
        brightness: Largest relative change of brightness; contrast and saturation likewise.
        hue: Largest turn of the hue, as a share of the circle.
        grey: Probability that no colour is left.
    """

    least_area: float = 0.4
    stretch: float = 1.25
    mirror: float = 0.0
    colour: float = 0.8
    brightness: float = 0.4
    hue: float = 0.1
    grey: float = 0.25


def view(
    image: Image.Image, preprocessing: Preprocessing, augmentation: Augmentation, rng: np.random.Generator
) -> Float32[np.ndarray, "3 side side"]:
    """One view as the encoder's input.

    Args:
        image: Decoded, RGB.
        preprocessing: Of the encoder; the crop is drawn within what it shows of the image.
        augmentation: How far the view may stray.
        rng: Where it is drawn from.
    """
    seen = _seen(image.size, preprocessing)
    box, mirrored, colours = _crop(seen, augmentation, rng), rng.random(), _colours(augmentation, rng)
    side = preprocessing.size
    small = image.resize((side, side), _RESAMPLING[preprocessing.interpolation], box=box, reducing_gap=2.0)
    pixels = np.asarray(small, dtype=np.float32).reshape(-1, 3) / np.float32(255)
    matrix, contrast = colours
    coloured = pixels @ matrix.T.astype(np.float32)
    grey = float(coloured.mean())
    coloured = np.clip((coloured - grey) * contrast + grey, 0.0, 1.0)
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    planes = ((coloured - mean) / std).astype(np.float32).reshape(side, side, 3).transpose(2, 0, 1)
    return np.ascontiguousarray(planes[:, :, ::-1] if mirrored < augmentation.mirror else planes)


def _seen(size: tuple[int, int], preprocessing: Preprocessing) -> Box:
    """The part of an image that queries show: all of it where it is squashed, else its middle square."""
    width, height = size
    if preprocessing.resize == "squash":
        return 0.0, 0.0, float(width), float(height)
    side = float(min(width, height))
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _crop(seen: Box, augmentation: Augmentation, rng: np.random.Generator) -> Box:
    width, height = seen[2] - seen[0], seen[3] - seen[1]
    share, stretch = rng.uniform(augmentation.least_area, 1.0), rng.uniform(-1.0, 1.0)
    factor = math.exp(0.5 * stretch * math.log(augmentation.stretch))
    wide = min(1.0, math.sqrt(share) * factor) * width
    high = min(1.0, math.sqrt(share) / factor) * height
    left, top = seen[0] + rng.uniform(0.0, width - wide), seen[1] + rng.uniform(0.0, height - high)
    # Rounding must not lead out of the image.
    return left, top, min(left + wide, seen[2]), min(top + high, seen[3])


def _colours(augmentation: Augmentation, rng: np.random.Generator) -> tuple[Float64[np.ndarray, "3 3"], float]:
    """Brightness, saturation and hue as one matrix on RGB, and the factor of contrast."""
    strength = augmentation.brightness
    brightness, contrast, saturation = 1.0 + rng.uniform(-strength, strength, 3)
    turn = 2.0 * math.pi * rng.uniform(-augmentation.hue, augmentation.hue)
    changed, grey = rng.random() < augmentation.colour, rng.random() < augmentation.grey
    matrix = np.eye(3)
    if changed:
        hue = np.eye(3)
        hue[1:, 1:] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        matrix = brightness * np.linalg.inv(_YIQ) @ hue @ _YIQ
        matrix = saturation * matrix + (1.0 - saturation) * np.outer(np.ones(3), _LUMA @ matrix)
    if grey:
        matrix = np.outer(np.ones(3), _LUMA @ matrix)
    return matrix, float(contrast) if changed else 1.0
