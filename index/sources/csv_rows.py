"""A CSV manifest: comma-separated UTF-8 with a header, quoted as RFC 4180 says.

Source: Shafranovich 2005, Common Format and MIME Type for CSV Files, https://www.rfc-editor.org/rfc/rfc4180.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from index.sources.record import Rejected
from index.sources.rows import REQUIRED, Row, Rows, check_columns, rejected_row
from index.sources.text_lines import BadLineError, TextLines
from invariantselect.errors import ManifestInvalidError

__all__ = ["CsvRows"]


class CsvRows(Rows):
    """Rows of a CSV file. Every value is text exactly as it stands, and an empty cell is a missing value.

    Args:
        path: The file; a byte order mark and either kind of line end are fine.
        required: Columns that it must have.
        delimiter: What separates the cells.
        numbered: Whether a first column without a name, in which a data frame wrote the numbers of its rows, is passed
            over; else it is refused.
        hint: What to do if a column is missing.

    Raises:
        ManifestInvalidError: It can't be opened, or its header can't be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        required: Sequence[str] = REQUIRED,
        delimiter: str = ",",
        numbered: bool = False,
        hint: str | None = None,
    ) -> None:
        self._path = path
        self._delimiter = delimiter
        with closing(TextLines(path)) as lines:
            try:
                self._columns = next(self._reader(lines), [])
            except (csv.Error, BadLineError) as error:
                raise ManifestInvalidError(f"The header of {path.name} can't be read: {error}.") from error
        if len(self._columns) == 1:
            hint = "Separate the columns with commas."
        self._skipped = int(numbered and self._columns[:1] == [""])
        check_columns(path.name, self._columns[self._skipped :], required=required, hint=hint)

    def __iter__(self) -> Iterator[Row | Rejected]:
        """Rows in the order of the file; the place of one is the line it begins on."""
        with closing(TextLines(self._path)) as lines:
            reader = self._reader(lines)
            next(reader)
            while True:
                begin = lines.number + 1
                try:
                    cells = next(reader, None)
                except (csv.Error, BadLineError) as error:
                    end = f"–{lines.number}" if lines.number > begin else ""
                    yield rejected_row(f"{self._path.name} line {begin}{end}", str(error))
                    continue
                if cells is None:
                    return
                if cells:
                    yield self._row(f"{self._path.name} line {begin}", cells)

    def _row(self, where: str, cells: list[str]) -> Row | Rejected:
        if len(cells) != len(self._columns):
            return rejected_row(where, f"it has {len(cells)} cells, the header has {len(self._columns)}")
        named = zip(self._columns[self._skipped :], cells[self._skipped :], strict=True)
        return Row(where, {column: cell for column, cell in named if cell})

    def _reader(self, lines: TextLines) -> Iterator[list[str]]:
        return csv.reader(lines, strict=True, delimiter=self._delimiter)
