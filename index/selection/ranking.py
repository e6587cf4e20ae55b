"""A ranking of the pool for each query of a batch, handed out piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int64

__all__ = ["Key", "Ranked", "Ranking"]

Key: TypeAlias = tuple[float | int, str]
"""Where a demonstration stands in its query's ranking: smaller is better, no two are equal."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best of some part of the pool for one query, best first.

    Attributes:
        positions: Positions in the snapshot.
        scores: Cosine similarities to the query.
        keys: Places in the ranking, ascending.
        exhausted: Whether that part holds nothing more.
    """

    positions: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]
    keys: list[Key]
    exhausted: bool


@runtime_checkable
class Ranking(Protocol):
    """A strategy at work on a batch of queries."""

    def together(self, allowed: Bool[np.ndarray, " size"], limit: int) -> list[Ranked]:
        """The best `limit` of `allowed` for every query, searched in one go."""

    def alone(self, query: int, allowed: Bool[np.ndarray, " size"], limit: int) -> Ranked:
        """The best `limit` of `allowed` for one query of the batch."""
