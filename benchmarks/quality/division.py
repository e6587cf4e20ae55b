"""Who is in the pool and who asks: the protocols, and the only place where a query could leak into a pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray

from benchmarks.quality.image_set import ImageSet
from encoders.adaptation.coding import code, names_of
from encoders.adaptation.examples import Examples
from evaluation.protocols.fold import Fold
from evaluation.protocols.leave_one_domain_out import leave_one_domain_out as leave_one_out
from evaluation.protocols.target_pool import target_pool as half_of_the_target
from invariantselect.errors import PoolNotDivisibleError

__all__ = ["Division", "leave_one_domain_out", "target_pool"]


@dataclass(frozen=True, eq=False)
class Division:
    """A set of images in two.

    Attributes:
        images: The set.
        pool: (n,) int64, places of the labelled images: all that an adaptation sees.
        queries: (queries,) int64, places of those that ask; no group is on both sides.
        domain: The queries' domain.
    """

    images: ImageSet
    pool: NDArray[np.int64]
    queries: NDArray[np.int64]
    domain: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the whole set, so that a query's class has a number even where the pool lacks it."""
        return self.images.classes

    @property
    def pool_labels(self) -> Int64[np.ndarray, " n"]:
        """Place of each label in `classes`."""
        return code(self.images.labels, self.classes)[self.pool]

    @property
    def query_labels(self) -> Int64[np.ndarray, " queries"]:
        """Place of each label in `classes`."""
        return code(self.images.labels, self.classes)[self.queries]

    @property
    def pool_groups(self) -> Int64[np.ndarray, " n"]:
        """A number for each group, −1 for none."""
        return _groups(self.images)[self.pool]

    @property
    def query_groups(self) -> Int64[np.ndarray, " queries"]:
        """A number for each group, −1 for none; the same as in the pool."""
        return _groups(self.images)[self.queries]

    def examples(self, vectors: Float32[np.ndarray, "images dim"]) -> Examples:
        """What an adaptation sees: the pool's images and nothing of the queries.

        Args:
            vectors: (images, dim) of the frozen encoder, of the whole set.
        """
        return _examples(self.images, self.pool, vectors)

    def asking(self) -> Examples:
        """The queries' images, for a front that they run through; without vectors."""
        return _examples(self.images, self.queries, np.zeros((len(self.images), 1), dtype=np.float32))


def leave_one_domain_out(images: ImageSet, domain: str) -> Division:
    """All images of one domain ask, those of all others are the pool, less those of groups that ask.

    Raises:
        ValueError: The set has no such domain, or no other.
    """
    return _division(images, domain, lambda: leave_one_out(images.domains, images.groups, targets=[domain]))


def target_pool(images: ImageSet, domain: str, *, seed: int) -> Division:
    """Half of a domain's groups are labelled and in the pool with all other domains; the other half asks.

    Args:
        images: The set.
        domain: The target domain.
        seed: Which half. An image without a group is one of its own.

    Raises:
        ValueError: The set has no such domain, or one group of it.
    """
    return _division(
        images, domain, lambda: half_of_the_target(images.domains, images.groups, seed=seed, targets=[domain])
    )


def _division(images: ImageSet, domain: str, folds: Callable[[], list[Fold]]) -> Division:
    try:
        (fold,) = folds()
    except PoolNotDivisibleError as error:
        raise ValueError(f"{images.folder.name} can't be divided by its domain {domain!r}: {error}") from error
    return Division(images, fold.pool, fold.queries, domain)


def _examples(images: ImageSet, chosen: NDArray[np.int64], vectors: Float32[np.ndarray, "images dim"]) -> Examples:
    places = chosen.tolist()
    return Examples(
        vectors[chosen],
        [images.labels[place] for place in places],
        [images.domains[place] for place in places],
        [images.groups[place] for place in places],
        lambda place: images.image(places[place]),
    )


def _groups(images: ImageSet) -> Int64[np.ndarray, " images"]:
    return code(images.groups, names_of(images.groups))
