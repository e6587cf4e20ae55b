"""A text column of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64

__all__ = ["Column", "taken"]


@dataclass(frozen=True, eq=False)
class Column:
    """A text column as codes into its distinct values.

    Attributes:
        codes: (size,) int32; −1 is a missing value.
        values: The distinct values; code c stands for ``values[c]``. Some may be used by no position any more.
    """

    codes: Int32[np.ndarray, " size"]
    values: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> Column:
        """The column that holds these texts."""
        known: dict[str | None, int] = {None: -1}
        codes = [known.setdefault(text, len(known) - 1) for text in texts]
        return cls(np.array(codes, dtype=np.int32), tuple(text for text in known if text is not None))

    def value(self, position: int) -> str | None:
        """The text at a position, None where it is missing."""
        code = int(self.codes[position])
        return None if code < 0 else self.values[code]

    @classmethod
    def joined(cls, columns: Sequence[Column]) -> Column:
        """Columns one behind the other."""
        known: dict[str, int] = {}
        codes = [column._translated(known) for column in columns]
        return cls(np.concatenate(codes), tuple(known))

    def overwritten(self, positions: Int64[np.ndarray, " n"], by: Column) -> Column:
        """This column with other texts at some positions."""
        known: dict[str, int] = {}
        codes = self._translated(known).copy()
        codes[positions] = by._translated(known)
        return Column(codes, tuple(known))

    def _translated(self, known: dict[str, int]) -> Int32[np.ndarray, " size"]:
        if not known:
            known.update((value, code) for code, value in enumerate(self.values))
            return self.codes
        # A missing value is code −1, so the last entry of the table.
        table = [known.setdefault(value, len(known)) for value in self.values]
        codes: Int32[np.ndarray, " size"] = np.array([*table, -1], dtype=np.int32)[self.codes]
        return codes

    def taken(self, sources: Int64[np.ndarray, " n"]) -> Column:
        """This column at other positions; source −1 is a missing value."""
        return Column(taken(self.codes, sources, -1), self.values)


def taken(array: np.ndarray, sources: Int64[np.ndarray, " n"], blank: object) -> np.ndarray:
    """An array at other positions; source −1 is a blank."""
    copy = np.empty((len(sources), *array.shape[1:]), dtype=array.dtype)
    present = sources >= 0
    copy[present] = array[sources[present]]
    copy[~present] = blank
    return copy
