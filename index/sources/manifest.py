"""A manifest: a table that names images and says what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from index.sources.confined import read_confined
from index.sources.csv_rows import CsvRows
from index.sources.jsonl_rows import JsonlRows
from index.sources.parquet_rows import ParquetRows
from index.sources.record import Item, Record, Rejected, Source, checked_record
from index.sources.rows import Row, Rows, rejected_row

__all__ = ["READERS", "ManifestSource", "described"]

READERS: dict[str, Callable[[Path], Rows]] = {
    ".csv": CsvRows,
    ".jsonl": JsonlRows,
    ".ndjson": JsonlRows,
    ".parquet": ParquetRows,
}
_WORDS = ("id", "label", "domain", "group", "split")


class ManifestSource(Source):
    """Reads a CSV, JSONL or Parquet manifest.

    Columns: ``image``, a path relative to the manifest's folder that may not leave it, and ``label``; optionally
    ``id`` (the image's path where it is missing), ``domain``, ``group`` and ``split``. Every other column becomes
    metadata under its own name, and ``split`` does too. In the named columns a whole number is read as its digits.
    Values keep the type the file gives them: all values of a CSV file are text, those of JSONL and Parquet are typed.

    Args:
        path: The manifest; its suffix, a key of `READERS`, says its format.
        max_bytes: Of an image file.

    Raises:
        ManifestInvalidError: The file as a whole can't be read; a row that can't is rejected by its place.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._root = path.parent.resolve()
        self._rows = READERS[path.suffix.lower()](path)
        self._max_bytes = max_bytes

    @cached_property
    def total(self) -> int:
        """Rows, counted by reading the table once."""
        return self._rows.count()

    def __iter__(self) -> Iterator[Item]:
        """Records in the order of the rows."""
        for item in self._rows:
            yield self._record(item) if isinstance(item, Row) else item

    def _record(self, row: Row) -> Record | Rejected:
        image = row.values.get("image")
        if not isinstance(image, str) or not image:
            return rejected_row(row.where, "image is missing" if image is None else "image is not a path")
        try:
            fields = described(row.values)
        except TypeError as error:
            return rejected_row(row.where, str(error))
        read = partial(read_confined, self._root, image, max_bytes=self._max_bytes)
        fields["id"] = fields["id"] or image
        return checked_record(row.where, read, **fields)


def described(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says about its image, as the arguments of `checked_record`; id is None where it has none.

    Raises:
        TypeError: A named column holds something else than text or a whole number.
    """
    words = {name: _as_text(name, values.get(name)) for name in _WORDS}
    metadata = {name: value for name, value in values.items() if name not in _WORDS and name != "image"}
    split = words.pop("split")
    if split is not None:
        metadata["split"] = split
    return {**words, "metadata": metadata}


def _as_text(name: str, value: Any) -> str | None:
    """Text as it is, a whole number as its digits, None as itself.

    Raises:
        TypeError: Anything else; a float is refused because 1.0 and 1 would become two labels.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{name} is {value!r:.80}, neither text nor a whole number")
