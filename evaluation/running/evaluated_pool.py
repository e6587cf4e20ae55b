"""The pool that is evaluated: its columns as selections see them, and its images as adaptations do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int64

from encoders.adaptation.examples import Examples
from index.selection.searchable import Searchable

__all__ = ["EvaluatedPool"]


@dataclass(frozen=True, eq=False)
class EvaluatedPool:
    """Some demonstrations of a snapshot, counted from 0: by their places.

    Attributes:
        snapshot: Of the pool, in the space of its frozen encoder.
        positions: (images,) int64, ascending: where each place stands in the snapshot.
        examples: The same images, with the frozen vectors.
        fingerprint: Of the frozen encoder.
        content: The bytes of an image file, by id.
    """

    snapshot: Searchable
    positions: Int64[np.ndarray, " images"]
    examples: Examples
    fingerprint: str
    content: Callable[[str], bytes]

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Id of each place."""
        return tuple(str(id) for id in self.snapshot.ids[self.positions])

    @cached_property
    def sha256(self) -> tuple[str, ...]:
        """Content hash of each place."""
        hashes = self.snapshot.sha256[self.positions].tolist()
        return tuple(each.decode() if isinstance(each, bytes) else str(each) for each in hashes)

    def in_snapshot(self, vectors: Float32[np.ndarray, "images dim"]) -> Float32[np.ndarray, "size dim"]:
        """Vectors of the places as vectors of all positions of the snapshot; the others are zeros.

        Args:
            vectors: (images, dim).
        """
        spread = np.zeros((self.snapshot.size, vectors.shape[1]), dtype=np.float32)
        spread[self.positions] = vectors
        return spread

    def digest(self) -> str:
        """Of all that an answer hangs on in the pool, 64 hexadecimal digits: images, words, encoder and rows."""
        examples = self.examples
        words = [self.fingerprint, self.ids, self.sha256, self.snapshot.rows[self.positions].tolist()]
        words += [list(examples.label_names), list(examples.domain_names), list(examples.group_names)]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()
