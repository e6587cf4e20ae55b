"""What the readers of manifests have in common: rows of named values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from index.sources.record import Ignored, Rejected, readable
from invariantselect.errors import ManifestInvalidError

__all__ = ["REQUIRED", "Row", "RowItem", "Rows", "check_columns", "rejected_row"]

REQUIRED = ("image", "label")


@dataclass(frozen=True)
class Row:
    """One row: where it stands, and its values by column; a missing value is absent or None."""

    where: str
    values: Mapping[str, Any]


RowItem: TypeAlias = Row | Rejected | Ignored


class Rows(ABC):
    """The rows of one manifest. Iterating again reads the file again."""

    @abstractmethod
    def __iter__(self) -> Iterator[RowItem]:
        """Rows, rows that can't be read, and columns left aside."""

    def count(self) -> int:
        """Rows and rejections."""
        return sum(not isinstance(item, Ignored) for item in self)


def check_columns(
    name: str, columns: Sequence[str], *, required: Sequence[str] = REQUIRED, hint: str | None = None
) -> None:
    """See that a table has the columns it must have, by default those of a manifest, and each column once.

    Raises:
        ManifestInvalidError: It doesn't.
    """
    found = ", ".join(repr(readable(column)) for column in columns[:20])
    missing = [column for column in required if column not in columns]
    if missing:
        raise ManifestInvalidError(f"{name} has no column {' and no column '.join(missing)}; found {found}.", hint=hint)
    if "" in columns or len(set(columns)) < len(columns):
        raise ManifestInvalidError(f"{name} has a column without a name, or one name twice; found {found}.")


def rejected_row(where: str, reason: str) -> Rejected:
    """A row that can't be read, and why."""
    return Rejected(where, ManifestInvalidError(f"{where} can't be used: {readable(reason)}."))
