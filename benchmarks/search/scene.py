"""Synthetic vectors that lie as encoded images do: by class, by domain, and a little scattered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLASSES, DOMAINS, DIRECTIONS = 100, 4, 32
BLOCK = 10_000


class Scene:
    """Unit vectors, the same each time. A class and a domain shift a vector; images of one of each vary in few ways."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        generator = np.random.default_rng(7)
        self._classes = _unit(generator, CLASSES, dim)
        self._domains = _unit(generator, DOMAINS, dim)
        self._directions = _unit(generator, DIRECTIONS, dim)
        self._elsewhere = _unit(generator, 1, dim)

    def block(self, number: int, count: int = BLOCK) -> NDArray[np.float32]:
        """The block of this number: of images in a pool."""
        generator = np.random.default_rng((8, number))
        return self._made(generator, count, self._domains[generator.integers(DOMAINS, size=count)])

    def matrix(self, count: int) -> NDArray[np.float32]:
        """As many vectors, (count, dim) float32."""
        made = np.empty((count, self.dim), dtype=np.float32)
        for number, start in enumerate(range(0, count, BLOCK)):
            made[start : start + BLOCK] = self.block(number, min(BLOCK, count - start))
        return made

    def held_out(self, count: int) -> NDArray[np.float32]:
        """Queries of the same classes and domains, none of them in the pool."""
        generator = np.random.default_rng(9)
        return self._made(generator, count, self._domains[generator.integers(DOMAINS, size=count)])

    def unseen(self, count: int) -> NDArray[np.float32]:
        """Queries of the same classes from a domain that the pool lacks."""
        return self._made(np.random.default_rng(10), count, self._elsewhere)

    def _made(self, generator: np.random.Generator, count: int, domains: NDArray[np.float32]) -> NDArray[np.float32]:
        classes = self._classes[generator.integers(CLASSES, size=count)]
        within = generator.standard_normal((count, DIRECTIONS), dtype=np.float32) @ self._directions
        grain = generator.standard_normal((count, self.dim), dtype=np.float32)
        vectors = classes + domains + within / np.sqrt(DIRECTIONS) + 0.3 * grain / np.sqrt(self.dim)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _unit(generator: np.random.Generator, count: int, dim: int) -> NDArray[np.float32]:
    vectors = generator.standard_normal((count, dim), dtype=np.float32)
    made: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made
