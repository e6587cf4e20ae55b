"""How good a space is, told from labelled vectors: are classes together, domains mixed, and the sphere well used?

All take L2-normalised vectors (n, dim), float32 or float64, and codes of `encoders.adaptation.coding`. What nothing can
be told of is None. How well the space answers queries is told by `encoders.adaptation.retrieval`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from encoders.adaptation.coding import UNKNOWN

__all__ = ["VarianceShares", "alignment", "alignment_across_domains", "uniformity", "variance_shares"]

_AT_ONCE = 1024  # rows and columns of a block of squared distances: 8 MB


@dataclass(frozen=True)
class VarianceShares:
    """Where the variance of the vectors lies.

    Attributes:
        classes: Between the means of the classes, over the total: the larger, the better they are apart. None where
            there is no variance.
        domains: Between the means of a class's domains, around the class's mean, over the total, among the images
            whose domain is known: what a query of a new domain suffers from. None where there is no variance.
    """

    classes: float | None
    domains: float | None


def alignment(vectors: Float[np.ndarray, "n dim"], labels: Int64[np.ndarray, " n"]) -> float | None:
    """Mean squared distance of two images of one class, over all pairs: from 0, all as one, to 4.

    Source: Wang and Isola, 2020, Understanding Contrastive Representation Learning through Alignment and Uniformity on
    the Hypersphere, https://arxiv.org/abs/2005.10242, with α = 2, the positives of a class being all its pairs.

    Args:
        vectors: (n, dim), L2-normalised.
        labels: (n,) class of each.

    Returns:
        None where no two images share a class.
    """
    distances, pairs = _inside(vectors.astype(np.float64), labels)
    return distances / pairs if pairs else None


def alignment_across_domains(
    vectors: Float[np.ndarray, "n dim"], labels: Int64[np.ndarray, " n"], domains: Int64[np.ndarray, " n"]
) -> float | None:
    """`alignment` over the pairs of one class whose domains differ: the invariance that is wanted.

    Args:
        vectors: (n, dim), L2-normalised.
        labels: (n,) class of each.
        domains: (n,) domain of each; of an image whose domain isn't known no pair counts.

    Returns:
        None where there is no such pair.
    """
    known = domains != UNKNOWN
    wide, labels = vectors[known].astype(np.float64), labels[known]
    of_class, class_pairs = _inside(wide, labels)
    of_cell, cell_pairs = _inside(wide, _cells(labels, domains[known]))
    pairs = class_pairs - cell_pairs
    return max(0.0, of_class - of_cell) / pairs if pairs else None


def uniformity(vectors: Float[np.ndarray, "n dim"]) -> float | None:
    """log of the mean of e^(−2‖x−y‖²) over all pairs of different images: 0 for all in one point, less is better.

    Spread evenly over a sphere of many dimensions, vectors come to about −4 + 8/dim. Alignment alone is perfect for an
    encoder that gives one vector for everything; this one tells.

    Source: Wang and Isola, 2020, https://arxiv.org/abs/2005.10242, with t = 2.

    Args:
        vectors: (n, dim), L2-normalised.

    Returns:
        None for fewer than two images.
    """
    if len(vectors) < 2:
        return None
    blocks = [vectors[start : start + _AT_ONCE].astype(np.float64) for start in range(0, len(vectors), _AT_ONCE)]
    total = 0.0
    for number, rows in enumerate(blocks):
        # An image with itself would count e^0 = 1.
        total += _potential(rows, rows) - len(rows)
        total += 2.0 * sum(_potential(rows, columns) for columns in blocks[number + 1 :])
    return math.log(total / (len(vectors) * (len(vectors) - 1)))


def variance_shares(
    vectors: Float[np.ndarray, "n dim"], labels: Int64[np.ndarray, " n"], domains: Int64[np.ndarray, " n"]
) -> VarianceShares:
    """How the total variance divides: between classes, and between the domains within a class.

    Args:
        vectors: (n, dim).
        labels: (n,) class of each.
        domains: (n,) domain of each, −1 where it isn't known.
    """
    wide, known = vectors.astype(np.float64), domains != UNKNOWN
    return VarianceShares(
        classes=_share_between(wide, np.zeros_like(labels), labels),
        domains=_share_between(wide[known], labels[known], _cells(labels[known], domains[known])),
    )


def _potential(rows: Float64[np.ndarray, "a dim"], columns: Float64[np.ndarray, "b dim"]) -> float:
    lengths = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1)[None, :]
    return float(np.exp(-2.0 * np.maximum(lengths - 2.0 * rows @ columns.T, 0.0)).sum())


def _inside(vectors: Float64[np.ndarray, "n dim"], groups: Int64[np.ndarray, " n"]) -> tuple[float, int]:
    """Sum of the squared distances of ordered pairs inside the groups, and how many pairs there are."""
    scatters, sizes = _scatters(vectors, groups)
    return float((2.0 * sizes * scatters).sum()), int((sizes * (sizes - 1)).sum())


def _share_between(
    vectors: Float64[np.ndarray, "n dim"], coarse: Int64[np.ndarray, " n"], fine: Int64[np.ndarray, " n"]
) -> float | None:
    """The variance between the fine groups, inside the coarse ones, over the total."""
    total, around_coarse, around_fine = (
        float(_scatters(vectors, groups)[0].sum()) for groups in (np.zeros_like(fine), coarse, fine)
    )
    return max(0.0, around_coarse - around_fine) / total if total > 0 else None


def _scatters(
    vectors: Float64[np.ndarray, "n dim"], groups: Int64[np.ndarray, " n"]
) -> tuple[Float64[np.ndarray, " groups"], Int64[np.ndarray, " groups"]]:
    """Sum of the squared distances from the group's mean, for each group, and the groups' sizes."""
    if not len(groups):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order, starts = np.argsort(places, kind="stable"), np.cumsum(sizes) - sizes
    means = np.add.reduceat(vectors[order], starts, axis=0) / sizes[:, None]
    # Around the mean, not as a difference of large sums: a perfect cluster has to give 0.
    squares = ((vectors - means[places]) ** 2).sum(axis=1)
    return np.bincount(places, weights=squares, minlength=len(sizes)), sizes


def _cells(labels: Int64[np.ndarray, " n"], domains: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """One number for each class in each domain; both codes are at least 0."""
    cells: Int64[np.ndarray, " n"] = labels * (int(domains.max(initial=0)) + 1) + domains
    return cells
