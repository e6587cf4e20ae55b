"""What an approximate kind of search is: a FAISS index made from vectors, and asked with more or less effort."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float32

__all__ = ["Kind", "Tick", "building_threads", "untold"]

Tick: TypeAlias = Callable[[str, int, int], None]
"""Called every second or so while an index is made, with (what is done, pieces done, pieces); what it raises ends the
work."""


@runtime_checkable
class Kind(Protocol):
    """One approximate kind. Stateless.

    Attributes:
        name: As manifests have it.
        effort_name: What FAISS calls the effort of a search.
    """

    name: str
    effort_name: str

    def build(self, matrix: Float32[np.ndarray, "count dim"], tick: Tick) -> Any:
        """The FAISS index of the vectors; its id n is row n. Reads them block by block, and holds a byte a number."""

    def parameters(self, index: Any) -> Mapping[str, int]:
        """What the index was made with."""

    def efforts(self, index: Any) -> Sequence[int]:
        """Efforts worth trying, ascending."""

    def asking(self, effort: int, asked: int) -> Any:
        """FAISS's parameters of a search for the `asked` nearest with this effort."""

    def is_of(self, index: Any) -> bool:
        """Whether a FAISS index that was read is of this kind."""


def building_threads() -> int:
    """How many threads make an index: half of the processor, for a service goes on answering beside it."""
    return max(1, (os.cpu_count() or 1) // 2)


def untold(_phase: str, _done: int, _total: int) -> None:
    """A `Tick` that does nothing."""
