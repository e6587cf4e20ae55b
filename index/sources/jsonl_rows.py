"""A JSONL manifest: one JSON object a line, its types kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from index.sources.json_object import parse_object
from index.sources.record import Rejected
from index.sources.rows import Row, Rows, rejected_row
from index.sources.text_lines import BadLineError, TextLines
from invariantselect.errors import ManifestInvalidError

__all__ = ["JsonlRows"]


class JsonlRows(Rows):
    """Rows of a file with one JSON object a line; blank lines are passed over.

    Raises:
        ManifestInvalidError: It can't be opened, or no line of it is a JSON object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        first: Rejected | None = None
        for item in self:
            if isinstance(item, Row):
                return
            first = first or item
        why = first.error.detail if first else "It is empty."
        raise ManifestInvalidError(f"No line of {path.name} is a JSON object. {why}")

    def __iter__(self) -> Iterator[Row | Rejected]:
        """Rows in the order of the file."""
        with closing(TextLines(self._path)) as lines:
            while True:
                where = f"{self._path.name} line {lines.number + 1}"
                try:
                    line = next(lines, None)
                    if line is None:
                        return
                    row = Row(where, parse_object(line)) if line.strip() else None
                except (BadLineError, ValueError) as error:
                    yield rejected_row(where, str(error))
                    continue
                if row is not None:
                    yield row
