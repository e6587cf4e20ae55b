"""A Parquet manifest: its types kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from index.sources.arrow_rows import first_line, plain_columns, plain_rows, text_columns, unusable_columns
from index.sources.rows import Row, RowItem, Rows, check_columns, rejected_row
from invariantselect.errors import ManifestInvalidError

__all__ = ["ParquetRows"]

_ROWS_AT_ONCE = 256


class ParquetRows(Rows):
    """Rows of a Parquet file, read a few at a time. A null is a missing value; other columns than text, numbers and
    booleans are ignored by name.

    Raises:
        ManifestInvalidError: It is no Parquet file, or has no usable columns image and label.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with pq.ParquetFile(path) as file:
                self._schema = file.schema_arrow
                names = self._schema.names
                self._rows_by_group = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ManifestInvalidError(f"{path.name} can't be read as Parquet: {first_line(error)}.") from error
        check_columns(path.name, names)
        check_columns(
            path.name, plain_columns(self._schema), hint="image and label are text; a label may be a whole number."
        )

    def count(self) -> int:
        """Rows, as the file's footer says."""
        return sum(self._rows_by_group)

    def __iter__(self) -> Iterator[RowItem]:
        """Rows in the order of the file; a damaged row group is one rejection, and the next is read."""
        yield from unusable_columns(self._path.name, self._schema)
        first = 1
        with pq.ParquetFile(self._path, read_dictionary=text_columns(self._schema)) as file:
            for group, rows in enumerate(self._rows_by_group):
                yield from self._group(file, group, first)
                first += rows

    def _group(self, file: pq.ParquetFile, group: int, first: int) -> Iterator[RowItem]:
        number, last = first, first + self._rows_by_group[group] - 1
        try:
            for batch in file.iter_batches(
                _ROWS_AT_ONCE, row_groups=[group], columns=plain_columns(self._schema), use_threads=False
            ):
                for values in plain_rows(batch):
                    where = f"{self._path.name} row {number}"
                    yield rejected_row(where, values) if isinstance(values, str) else Row(where, values)
                    number += 1
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            yield rejected_row(f"{self._path.name} rows {number}–{last}", first_line(error))
