"""Vectors that are not sealed yet, in memory: a buffer that only grows, of which each snapshot sees a fixed prefix."""

from __future__ import annotations

import threading

import numpy as np
from jaxtyping import Float32, Int64

__all__ = ["Part", "Tail"]

Part = tuple[Int64[np.ndarray, " _"], Float32[np.ndarray, "_ dim"]]
"""Rows, ascending, and their vectors."""

_SMALLEST = 256


class _Buffer:
    """Shared by the tails that grew out of one another; `used` says how much of it some tail can see."""

    def __init__(self, capacity: int, dim: int) -> None:
        self.vectors = np.empty((capacity, dim), dtype=np.float32)
        self.used = 0
        self.lock = threading.Lock()


class Tail:
    """An immutable sequence of vectors; `extended` makes a longer one without copying what is there.

    Nothing below a tail's length is ever written again, so it can be searched while a longer one is being made.
    """

    def __init__(self, dim: int) -> None:
        self._buffer = _Buffer(_SMALLEST, dim)
        self._max_norm = 0.0
        self._length = 0

    @property
    def count(self) -> int:
        """How many vectors."""
        return self._length

    @property
    def max_norm(self) -> float:
        """Largest Euclidean norm among them; 0 for none."""
        return self._max_norm

    @property
    def matrix(self) -> Float32[np.ndarray, "count dim"]:
        """All vectors, read-only."""
        view = self._buffer.vectors[: self._length]
        view.flags.writeable = False
        return view

    def vectors(self, offsets: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
        """A copy of the vectors at the offsets."""
        copy: Float32[np.ndarray, "n dim"] = self._buffer.vectors[offsets]
        return copy

    def extended(self, more: Float32[np.ndarray, "n dim"]) -> Tail:
        """This tail with further vectors at its end."""
        if len(more) == 0:
            return self
        grown = Tail.__new__(Tail)
        grown._length = self._length + len(more)
        grown._buffer = self._claim(grown._length)
        grown._buffer.vectors[self._length : grown._length] = more
        grown._max_norm = max(self._max_norm, float(np.linalg.norm(more.astype(np.float64), axis=1).max()))
        return grown

    def _claim(self, length: int) -> _Buffer:
        buffer = self._buffer
        with buffer.lock:
            # A second tail that grows out of the same one must not write where the first did.
            if buffer.used == self._length and length <= len(buffer.vectors):
                buffer.used = length
                return buffer
        copy = _Buffer(max(length, 2 * len(buffer.vectors)), buffer.vectors.shape[1])
        copy.vectors[: self._length] = buffer.vectors[: self._length]
        copy.used = length
        return copy
