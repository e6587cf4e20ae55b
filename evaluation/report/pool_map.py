"""A fold's demonstrations and queries in two dimensions, in the frozen space and in the adapted one.

Two maps of the same images are turned, mirrored and brought to one scale so that they lie over each other as well as
they can: what then differs is what the adaptation did. Source: Schönemann, A Generalized Solution of the Orthogonal
Procrustes Problem, 1966, https://doi.org/10.1007/BF02289451.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from evaluation.report.projection import projected, projection_method

__all__ = ["PoolMap", "pool_map"]


@dataclass(frozen=True, eq=False)
class PoolMap:
    """A map of one fold; in both spaces the mean is 0 and the root mean square distance from it 1.

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


def pool_map(  # noqa: PLR0917 -- what an image has, in the order of the map
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
    places = _drawn(len(ids), most, seed)
    before = _scaled(projected(before_vectors[places], seed=seed))
    after = None if after_vectors is None else _scaled(projected(after_vectors[places], seed=seed))
    chosen = places.tolist()
    return PoolMap(
        fold=fold,
        ids=tuple(ids[place] for place in chosen),
        labels=tuple(labels[place] for place in chosen),
        domains=tuple(domains[place] for place in chosen),
        asking=asking[places],
        before=before,
        after=None if after is None else _turned(after, before),
        method=projection_method(len(places)),
        images=len(ids),
    )


def _drawn(images: int, most: int, seed: int) -> Int64[np.ndarray, " n"]:
    if images <= most:
        return np.arange(images)
    return np.sort(np.random.default_rng(seed).choice(images, size=most, replace=False))


def _scaled(places: Float32[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n 2"]:
    """Mean 0 and a root mean square distance of 1 from it; all 0 where all are in one place."""
    centred: Float32[np.ndarray, "n 2"] = places - places.mean(axis=0)
    spread = np.sqrt(np.square(centred).sum(axis=1).mean())
    return centred / spread if spread > 0 else centred


def _turned(places: Float32[np.ndarray, "n 2"], onto: Float32[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n 2"]:
    left, _, right = np.linalg.svd(places.T @ onto)
    turned: Float32[np.ndarray, "n 2"] = places @ (left @ right)
    return turned
