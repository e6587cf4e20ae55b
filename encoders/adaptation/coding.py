"""Classes and domains as numbers: what samplers, objectives and measures work with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int64

__all__ = ["UNKNOWN", "code", "names_of"]

UNKNOWN = -1
"""Code of what isn't known: an image without a domain, or one without a group."""


def names_of(values: Iterable[str | None]) -> tuple[str, ...]:
    """The distinct names in ascending order, so that a smaller code is the earlier name in the alphabet."""
    return tuple(sorted({value for value in values if value is not None}))


def code(values: Sequence[str | None], names: Sequence[str]) -> Int64[np.ndarray, " n"]:
    """The place of each value among the names; `UNKNOWN` for None, and for a name that isn't among them.

    Args:
        values: Labels, domains or groups.
        names: Of `names_of`, perhaps of other values: queries are coded by the pool's names.
    """
    places = {name: place for place, name in enumerate(names)}
    return np.array([UNKNOWN if value is None else places.get(value, UNKNOWN) for value in values], dtype=np.int64)
