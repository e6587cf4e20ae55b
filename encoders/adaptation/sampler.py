"""Which images make a batch: classes evenly, and within a class its domains evenly. Invariance comes from the batch."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from encoders.adaptation.turns import shuffled, turn

__all__ = ["ClassDomainSampler"]

_CLASSES, _DOMAINS, _IMAGES = range(3)  # keep the draws of the three levels apart


class ClassDomainSampler:
    """P × K batches over classes × domains: P classes, and K images of each, spread over the domains it occurs in.

    A *cell* is the images of one class in one domain; only cells that exist are drawn from. Images without a domain
    form a cell of their own in each class.

    * Classes come evenly whatever their sizes: after any number of batches two classes differ by at most one turn. A
      batch has P different ones, or all of them where there are fewer.
    * Within a class its cells come evenly, likewise; with K below the number of cells they take turns. A class that
      occurs in one domain has all K from there.
    * Within a cell all images come before one comes again, but for those at the seam of two laps; each lap has an
      order of its own. In a batch an image is repeated only when its cell is smaller than its share, and then as
      evenly as can be: without augmentation such twins are positives that nothing is learnt from.

    Nothing is remembered between batches: each is a function of the seed and the step, so that a resumed run draws
    what the one that was killed would have drawn (with the same version of NumPy).

    Args:
        labels: (n,) class of each image, at least 0; at least one image.
        domains: (n,) domain of each, −1 where it isn't known.
        classes_per_batch: P, at least 1.
        images_per_class: K, at least 1; a contrastive objective needs 2.
        seed: At least 0.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> labels, domains = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 0])
        >>> sampler = ClassDomainSampler(labels, domains, classes_per_batch=2, images_per_class=2)
        >>> batch = sampler.batch(0)
        >>> sorted(zip(labels[batch].tolist(), domains[batch].tolist()))
        [(0, 0), (0, 1), (1, 0), (1, 0)]
    """

    def __init__(
        self,
        labels: Int64[np.ndarray, " n"],
        domains: Int64[np.ndarray, " n"],
        *,
        classes_per_batch: int,
        images_per_class: int,
        seed: int = 0,
    ) -> None:
        if not len(labels) or labels.min() < 0 or domains.min() < -1:
            raise ValueError("there must be an image, labels are at least 0 and domains at least -1")
        if min(classes_per_batch, images_per_class) < 1 or seed < 0:
            raise ValueError(f"P = {classes_per_batch}, K = {images_per_class}, seed {seed}: one is too small")
        self._classes = [_cells(labels, domains, label) for label in np.unique(labels).tolist()]
        self._names = np.unique(labels)
        self._p = min(classes_per_batch, len(self._classes))
        self._k = images_per_class
        self._seed = seed

    @property
    def batch_size(self) -> int:
        """Images in a batch: K times P, or times the number of classes where there are fewer than P."""
        return self._p * self._k

    def batch(self, step: int) -> Int64[np.ndarray, " batch"]:
        """The images of one batch, class by class.

        Args:
            step: Number of the batch, from 0; there is no last one.

        Returns:
            (batch_size,) places among the images that the sampler was made of.
        """
        places, times = turn(len(self._classes), self._p, step, self._seed, _CLASSES, 0, 0)
        return np.concatenate(
            [self._of_class(place, time) for place, time in zip(places.tolist(), times.tolist(), strict=True)]
        )

    def _of_class(self, place: int, time: int) -> Int64[np.ndarray, " k"]:
        """K images of a class, when it is drawn for the ``time``-th time."""
        cells = self._classes[place]
        # The class by its number in the labels: other classes coming or going wouldn't change its draws.
        label = int(self._names[place])
        seats, times = turn(len(cells), self._k, time, self._seed, _DOMAINS, label, 0)
        drawn = []
        for cell in np.unique(seats).tolist():
            mine = times[seats == cell]
            drawn.append(_of_cell(cells[cell], int(mine[0]), len(mine), self._seed, _IMAGES, label, cell))
        return np.concatenate(drawn)


def _cells(labels: np.ndarray, domains: np.ndarray, label: int) -> list[Int64[np.ndarray, " cell"]]:
    mine = np.flatnonzero(labels == label)
    return [mine[domains[mine] == domain] for domain in np.unique(domains[mine]).tolist()]


def _of_cell(images: Int64[np.ndarray, " cell"], drawn: int, share: int, *key: int) -> Int64[np.ndarray, " share"]:
    """The next images of a cell that ``drawn`` were drawn from before, distinct where it has enough."""
    lap, within = divmod(drawn, len(images))
    # A share that reaches beyond the lap's end takes from the same order's beginning: of the next one, it might draw
    # an image twice.
    order = images[shuffled(len(images), *key, lap)]
    return np.take(order, within + np.arange(share), mode="wrap")
