"""Metadata of each position of a snapshot, and what one key of it says everywhere."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int64, Shaped

from index.column import Column
from index.demonstration import Metadata
from index.metadata import comparable_text

__all__ = ["MetadataColumn"]

_NONE: Metadata = {}
_KEYS = 8  # 4 MB for a million positions, and their values
_MOST_VALUES = 65_536  # carrying them over is a matter of milliseconds


class MetadataColumn:
    """Position-aligned metadata; immutable but for what it remembers. Thread-safe.

    Args:
        mappings: (size,) mappings, shared where equal; never to be altered.
        by_key: What some keys say, where that is known.
    """

    def __init__(self, mappings: Shaped[np.ndarray, " size"], by_key: Mapping[str, Column] | None = None) -> None:
        self.mappings = mappings
        self._by_key = dict(by_key or {})
        self._lock = threading.Lock()

    def column(self, key: str) -> Column:
        """What a key says at each position, as `comparable_text`; missing where it isn't there or null.

        Making it is a walk through all positions. So it is remembered, and carried over to what is made of this,
        unless a key says something else nearly everywhere: a write to a large pool costs the next filter little.
        """
        known = self._by_key.get(key)
        if known is None:
            known = Column.of([comparable_text(each.get(key)) for each in self.mappings.tolist()])
            with self._lock:
                while len(self._by_key) >= _KEYS:
                    del self._by_key[next(iter(self._by_key))]
                self._by_key[key] = known
        return known

    @classmethod
    def joined(cls, columns: Sequence[MetadataColumn]) -> MetadataColumn:
        """Columns one behind the other."""
        by_key = {key: Column.joined([each.column(key) for each in columns]) for key in columns[0]._kept()}
        return cls(np.concatenate([each.mappings for each in columns]), by_key)

    def overwritten(self, positions: Int64[np.ndarray, " n"], by: MetadataColumn) -> MetadataColumn:
        """This column with other metadata at some positions."""
        mappings = self.mappings.copy()
        mappings[positions] = by.mappings
        kept = self._kept()
        return MetadataColumn(mappings, {key: kept[key].overwritten(positions, by.column(key)) for key in kept})

    def taken(self, sources: Int64[np.ndarray, " n"]) -> MetadataColumn:
        """This column at other positions; source −1 has none."""
        mappings = np.empty(len(sources), dtype=object)
        mappings.fill(_NONE)
        present = sources >= 0
        mappings[present] = self.mappings[sources[present]]
        return MetadataColumn(mappings, {key: known.taken(sources) for key, known in self._kept().items()})

    def _kept(self) -> dict[str, Column]:
        """What is worth carrying over. Values that no position has any more are never forgotten otherwise."""
        with self._lock:
            known = dict(self._by_key)
        return {key: column for key, column in known.items() if len(column.values) <= _MOST_VALUES}
