"""One division of a pool's images into demonstrations and queries, with no group on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from encoders.adaptation.coding import UNKNOWN, code, names_of
from invariantselect.errors import PoolNotDivisibleError

__all__ = ["Fold", "divided", "units_of"]


@dataclass(frozen=True, eq=False)
class Fold:
    """Who is in the pool and who asks.

    Attributes:
        name: Of the fold, unique in its protocol: the target domain, or ``part 1`` and so on.
        pool: (n,) int64, ascending places of the demonstrations, and of all that an adaptation for this fold may see;
            at least one.
        queries: (queries,) int64, ascending places of the images that ask; at least one.
        left_out: (left,) int64, ascending places of images in neither: they share a group with a query.
    """

    name: str
    pool: Int64[np.ndarray, " n"]
    queries: Int64[np.ndarray, " queries"]
    left_out: Int64[np.ndarray, " left"]

    def unanswerable(self, labels: Sequence[str]) -> int:
        """How many queries nobody can answer from demonstrations: the pool has none of their label.

        Args:
            labels: Label of each image of the whole set.
        """
        known = {labels[place] for place in self.pool.tolist()}
        return sum(labels[place] not in known for place in self.queries.tolist())


def divided(name: str, asks: Bool[np.ndarray, " images"], groups: Sequence[str | None]) -> Fold:
    """The fold in which some images ask all others, less those of groups that ask.

    Args:
        name: Of the fold.
        asks: (images,) bool, who asks.
        groups: Patient or slide of each image; None for none.

    Raises:
        PoolNotDivisibleError: No image asks, or no image is left for the pool.
    """
    codes = code(groups, names_of(groups))
    shared = ~asks & np.isin(codes, codes[asks & (codes != UNKNOWN)])
    pool, queries = np.flatnonzero(~asks & ~shared), np.flatnonzero(asks)
    if not len(queries):
        raise PoolNotDivisibleError(f"the fold {name!r} has no image that asks")
    if not len(pool):
        raise PoolNotDivisibleError(f"the fold {name!r} has no demonstration: all others share a group with a query")
    return Fold(name, pool, queries, np.flatnonzero(shared))


def units_of(groups: Sequence[str | None]) -> Int64[np.ndarray, " images"]:
    """A number from 0 for each unit that stays together: a group, or an image without a group.

    Args:
        groups: Of each image; None for none.

    Returns:
        (images,): first the images without a group in their order, then the groups in that of the alphabet.

    Example:
        >>> units_of(["b", None, "a", "b", None]).tolist()
        [3, 0, 2, 3, 1]
    """
    codes = code(groups, names_of(groups))
    lonely = codes == UNKNOWN
    return np.where(lonely, np.cumsum(lonely) - 1, codes + lonely.sum())
