"""Four domains of the same handwritten digits, made from what scikit-learn carries and nothing else.

The scans are the 1,797 test digits of the UCI Optical Recognition of Handwritten Digits set (Alpaydin & Kaynak 1998,
https://archive.ics.uci.edu/dataset/80). ``photo`` blends them onto photographs the way MNIST-M was made: the absolute
difference of patch and digit (Ganin et al. 2016, https://arxiv.org/abs/1505.07818).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageFilter

__all__ = ["DOMAINS", "HELD_OUT", "SIDE", "enlarge"]

SIDE = 32

Scan = Float[np.ndarray, "side side"]
Picture = Float[np.ndarray, "side side 3"]
Maker = Callable[[Scan, list[np.ndarray], np.random.Generator], Picture]


def enlarge(scan: Float[np.ndarray, "8 8"]) -> Scan:
    """An 8×8 scan with values 0–16 as a (32, 32) picture in [0, 1], bright ink on dark paper, with a margin."""
    ink = Image.fromarray((scan * (255 / 16)).astype(np.uint8))
    paper = Image.new("L", (SIDE, SIDE))
    paper.paste(ink.resize((SIDE - 8, SIDE - 8), Image.Resampling.BICUBIC), (4, 4))
    return np.asarray(paper, dtype=np.float64) / 255


def clean(scan: Scan, photographs: list[np.ndarray], rng: np.random.Generator) -> Picture:  # noqa: ARG001
    """Bright ink on dark paper."""
    return _grey(scan)


def inverted(scan: Scan, photographs: list[np.ndarray], rng: np.random.Generator) -> Picture:  # noqa: ARG001
    """Dark ink on bright paper."""
    return _grey(1 - scan)


def photo(scan: Scan, photographs: list[np.ndarray], rng: np.random.Generator) -> Picture:
    """The digit as the absolute difference to a random patch of a photograph.

    Args:
        scan: (32, 32) in [0, 1].
        photographs: Colour photographs, (height, width, 3) uint8, both sides above 32.
        rng: Chooses the photograph and the patch.
    """
    photograph = photographs[rng.integers(len(photographs))]
    top, left = (rng.integers(length - SIDE) for length in photograph.shape[:2])
    patch = photograph[top : top + SIDE, left : left + SIDE] / 255
    blended: Picture = np.abs(patch - scan[:, :, None])
    return blended


def noisy(scan: Scan, photographs: list[np.ndarray], rng: np.random.Generator) -> Picture:  # noqa: ARG001
    """Out of focus and grainy, like a bad camera."""
    blurred = Image.fromarray((scan * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    grain = rng.normal(0.0, 0.06, scan.shape)
    return _grey(np.clip(0.15 + 0.7 * np.asarray(blurred) / 255 + grain, 0, 1))


def _grey(levels: Scan) -> Picture:
    return np.repeat(levels[:, :, None], 3, axis=2)


DOMAINS: dict[str, Maker] = {"clean": clean, "inverted": inverted, "photo": photo, "noisy": noisy}
"""Domain → what makes a picture of it from a scan, the photographs and a random generator."""
HELD_OUT = "photo"
"""The domain that the pool has nothing of: the hospital that comes next."""
