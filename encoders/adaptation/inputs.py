"""Views of images as a tower takes them, each drawn from a seed, so that it can be drawn again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from encoders.adaptation.augmentation import Augmentation, view
from encoders.adaptation.examples import Examples
from encoders.preprocess import Preprocessing

__all__ = ["Inputs"]

_IMAGES_AT_ONCE = 16


class Inputs:
    """Views of the images as the tower's input. Each is drawn from (seed, image, number of the view); number 0 is the
    image as queries are seen.

    Args:
        examples: The images.
        preprocessing: Of the tower.
        augmentation: How far views stray.
        seed: Of the views.
    """

    def __init__(
        self, examples: Examples, preprocessing: Preprocessing, augmentation: Augmentation, *, seed: int = 0
    ) -> None:
        self._examples = examples
        self._preprocessing = preprocessing
        self._augmentation = augmentation
        self._seed = seed

    def views(self, place: int, numbers: range) -> Float32[np.ndarray, "views 3 side side"]:
        """Some views of one image, which is decoded once."""
        image = self._examples.image(place)
        made = []
        for number in numbers:
            rng = np.random.default_rng([self._seed, place, number])
            made.append(
                view(image, self._preprocessing, self._augmentation, rng)
                if number
                else self._preprocessing.apply(image)
            )
        return np.stack(made)

    def batch(self, places: NDArray[np.int64], numbers: NDArray[np.int64]) -> Float32[np.ndarray, "batch 3 side side"]:
        """One view of each image, made by threads."""
        with _threads() as threads:
            made = threads.map(
                lambda pair: self.views(pair[0], range(pair[1], pair[1] + 1))[0],
                zip(places.tolist(), numbers.tolist(), strict=True),
            )
            return np.stack(list(made))

    def batches(self, count: int, views: int) -> Iterator[Float32[np.ndarray, "batch views 3 side side"]]:
        """The first views of images 0 to count − 1, some images at a time; threads make a batch ahead."""
        with _threads() as threads:

            def begin(start: int) -> list[Future[Float32[np.ndarray, "views 3 side side"]]]:
                places = range(start, min(start + _IMAGES_AT_ONCE, count))
                return [threads.submit(self.views, place, range(views)) for place in places]

            starts = iter(range(0, count, _IMAGES_AT_ONCE))
            ahead = [begin(start) for start in islice(starts, 2)]
            try:
                while ahead:
                    batch = np.stack([future.result() for future in ahead.pop(0)])
                    ahead += [begin(start) for start in islice(starts, 1)]
                    yield batch
            finally:
                for future in (future for part in ahead for future in part):
                    future.cancel()  # whoever stops here doesn't wait for images that nobody wants


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="views")
