"""A fold's demonstrations and queries in two dimensions, in the frozen space and in the adapted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

__all__ = ["PoolMap", "pool_map"]


@dataclass(frozen=True, eq=False)
class PoolMap:
    """A map of one fold; both projections have mean 0 and the same scale.

    Attributes:
        fold: Name of the fold.
        ids: Of each image on the map.
        labels: Of each.
        domains: Of each; None where it isn't known.
        asking: (n,) whether it is a query; the others are demonstrations.
        before: (n, 2) where it lies in the frozen space.
        after: (n, 2) where it lies in the space adapted to the fold; None where there is none.
        method: How the places were found, in words.
        images: How many images the fold has; more than are on the map, where some were drawn.
    """

    fold: str
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    domains: tuple[str | None, ...]
    asking: Bool[np.ndarray, " n"]
    before: Float32[np.ndarray, "n 2"]
    after: Float32[np.ndarray, "n 2"] | None
    method: str
    images: int


def pool_map(
    fold: str,
    ids: Sequence[str],
    labels: Sequence[str],
    domains: Sequence[str | None],
    asking: Bool[np.ndarray, " images"],
    before_vectors: Float32[np.ndarray, "images dim"],
    after_vectors: Float32[np.ndarray, "images adapted"] | None,
    *,
    seed: int,
    most: int = 2000,
) -> PoolMap:
    """The map of a fold.

    Args:
        fold: Name of the fold.
        ids: Of each image of it.
        labels: Of each.
        domains: Of each; None where it isn't known.
        asking: (images,) whether it is a query.
        before_vectors: (images, dim) in the frozen space, L2-normalised; at least one.
        after_vectors: (images, adapted) in the space adapted to the fold, L2-normalised; None where there is none.
        seed: Of the projection, and of the draw where there are more images than `most`.
        most: How many images are on the map.
    """
    raise NotImplementedError
