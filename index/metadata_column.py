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
_KEYS = 8  # 4 MB each for a million positions
_MOST_VALUES = 65_536  # carrying them over is a matter of milliseconds
_FEW = 8  # this part of all positions


class MetadataColumn:
    """Position-aligned metadata; immutable but for what it remembers. Thread-safe.

    Args:
        mappings: (size,) mappings, shared where equal; never to be altered.
        by_key: What some keys say, where that is known.
    """

    def __init__(self, mappings: Shaped[np.ndarray, " size"], by_key: Mapping[str, Column] | None = None) -> None:
        self.mappings = mappings
        self._by_key = dict(by_key or {})
        self._lock, self._making = threading.Lock(), threading.Lock()

    def at(self, key: str, positions: Int64[np.ndarray, " n"]) -> Column:
        """What a key says at some positions, as `comparable_text`; missing where it isn't there or null.

        Few positions are looked at one by one. For many, the key's column of all positions is made: that is remembered,
        and carried over to what is made of this, unless the key says something else nearly everywhere. So a write to a
        large pool costs the next filter little.
        """
        known = self._by_key.get(key)
        few = _FEW * len(positions) < len(self.mappings)
        if few and (known is None or len(known.values) > len(positions)):
            return Column.of([comparable_text(each.get(key)) for each in self.mappings[positions].tolist()])
        if known is None:
            with self._making:  # who else asks waits for it
                known = self._by_key.get(key) or self._made(key)
        return Column(known.codes[positions], known.values)

    def _made(self, key: str) -> Column:
        made = Column.of([comparable_text(each.get(key)) for each in self.mappings.tolist()])
        with self._lock:
            while self._by_key and (len(self._by_key) >= _KEYS or self._values_with(made) > self._most_values()):
                del self._by_key[next(iter(self._by_key))]
            self._by_key[key] = made
        return made

    def _values_with(self, column: Column) -> int:
        return sum(len(each.values) for each in [*self._by_key.values(), column])

    def _most_values(self) -> int:
        return len(self.mappings) + _MOST_VALUES

    @classmethod
    def joined(cls, columns: Sequence[MetadataColumn]) -> MetadataColumn:
        """Columns one behind the other."""
        by_key = {key: Column.joined([each._whole(key) for each in columns]) for key in columns[0]._kept()}
        return cls(np.concatenate([each.mappings for each in columns]), by_key)

    def overwritten(self, positions: Int64[np.ndarray, " n"], by: MetadataColumn) -> MetadataColumn:
        """This column with other metadata at some positions."""
        mappings = self.mappings.copy()
        mappings[positions] = by.mappings
        kept = self._kept()
        return MetadataColumn(mappings, {key: kept[key].overwritten(positions, by._whole(key)) for key in kept})

    def taken(self, sources: Int64[np.ndarray, " n"]) -> MetadataColumn:
        """This column at other positions; source −1 has none."""
        mappings = np.empty(len(sources), dtype=object)
        mappings.fill(_NONE)
        present = sources >= 0
        mappings[present] = self.mappings[sources[present]]
        return MetadataColumn(mappings, {key: known.taken(sources) for key, known in self._kept().items()})

    def _whole(self, key: str) -> Column:
        return self.at(key, np.arange(len(self.mappings)))

    def _kept(self) -> dict[str, Column]:
        """What is worth carrying over. Values that no position has any more are never forgotten otherwise."""
        with self._lock:
            known = dict(self._by_key)
        return {key: column for key, column in known.items() if len(column.values) <= _MOST_VALUES}
