"""What an encoder is adapted to: the labelled images of a pool, with the frozen encoder's vectors of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray
from PIL import Image

from encoders.adaptation.coding import code, names_of

__all__ = ["Examples"]


@dataclass(frozen=True, eq=False)
class Examples:
    """The images of a pool, by their place from 0.

    Attributes:
        vectors: (n, trunk_dim) float32, L2-normalised, of the frozen encoder's trunk.
        label_names: Label of each.
        domain_names: Domain of each, None where it isn't known.
        group_names: Patient or slide of each, None for none.
        image: The decoded RGB image of a place; called from several threads, and only where a trunk is trained.
        sha256: Of each image's file, so that one file under several ids is known for one; None where nobody has looked.
    """

    vectors: NDArray[np.float32]
    label_names: Sequence[str]
    domain_names: Sequence[str | None]
    group_names: Sequence[str | None]
    image: Callable[[int], Image.Image]
    sha256: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.label_names)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, in ascending order."""
        return names_of(self.label_names)

    @cached_property
    def known_domains(self) -> tuple[str, ...]:
        """The domains that occur, in ascending order."""
        return names_of(self.domain_names)

    @cached_property
    def labels(self) -> Int64[np.ndarray, " n"]:
        """Place of each label in `classes`."""
        return code(self.label_names, self.classes)

    @cached_property
    def domains(self) -> Int64[np.ndarray, " n"]:
        """Place of each domain in `known_domains`, −1 where it isn't known."""
        return code(self.domain_names, self.known_domains)

    @cached_property
    def groups(self) -> Int64[np.ndarray, " n"]:
        """A number for each group, −1 for none."""
        return code(self.group_names, names_of(self.group_names))

    @cached_property
    def files(self) -> Int64[np.ndarray, " n"]:
        """A number for each file; each image has its own where nobody has looked."""
        if self.sha256 is None:
            return np.arange(len(self), dtype=np.int64)
        return code(self.sha256, names_of(self.sha256))

    def with_vectors(self, vectors: Float32[np.ndarray, "n dim"]) -> Examples:
        """The same images in another space."""
        return Examples(vectors, self.label_names, self.domain_names, self.group_names, self.image, self.sha256)
