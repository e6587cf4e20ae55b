"""An exported pool as a source: its images, checked against their hashes, and their vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from index.sources.arrow_rows import first_line, plain_rows, text_columns
from index.sources.confined import read_confined
from index.sources.export_format import HEADER, TABLE, ExportHeader, image_name, read_header, table_schema
from index.sources.json_object import parse_object
from index.sources.record import Item, KnownVector, Record, Rejected, Source, checked_record
from index.sources.rows import rejected_row
from invariantselect.errors import ImageUnreadableError, ManifestInvalidError

__all__ = ["ExportSource", "is_export"]

_ROWS_AT_ONCE = 256


def is_export(directory: Path) -> bool:
    """Whether a directory looks like one that `index.transfer.export_pool` wrote."""
    return (directory / HEADER).is_file() and (directory / TABLE).is_file()


class ExportSource(Source):
    """Reads an export. Nothing in it is believed: an image is found by its hash, and read only if it has that hash.

    Args:
        directory: What `index.transfer.export_pool` wrote.
        max_bytes: Of an image file.

    Raises:
        ManifestInvalidError: Header and table are missing, damaged, or don't fit each other.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._root = directory.resolve()
        self._max_bytes = max_bytes
        self.header: ExportHeader = read_header(self._root)
        try:
            with pq.ParquetFile(self._table()) as file:
                columns, rows = _columns(file.schema_arrow), file.metadata.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ManifestInvalidError(f"{TABLE} can't be read: {first_line(error)}.") from error
        if columns != _columns(table_schema(self.header.dim)):
            raise ManifestInvalidError(f"{TABLE} doesn't have the columns of an export with dim {self.header.dim}.")
        if rows != self.header.demonstrations:
            raise ManifestInvalidError(
                f"{HEADER} speaks of {self.header.demonstrations} demonstrations, {TABLE} has {rows}."
            )

    @property
    def total(self) -> int:
        """Rows of the table."""
        return self.header.demonstrations

    def __iter__(self) -> Iterator[Item]:
        """Records in the order of the table, each with its vector."""
        number = 0
        try:
            texts = text_columns(table_schema(self.header.dim))
            with pq.ParquetFile(self._table(), read_dictionary=texts) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
                    vectors = batch.column("vector")
                    for at, row in enumerate(plain_rows(batch.drop_columns(["vector"]))):
                        number += 1
                        where = f"{TABLE} row {number}"
                        yield (
                            rejected_row(where, row) if isinstance(row, str) else self._record(where, row, vectors[at])
                        )
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            yield rejected_row(f"{TABLE} rows {number + 1}–{self.total}", first_line(error))

    def _record(self, where: str, row: dict[str, Any], vector: pa.FixedSizeListScalar) -> Record | Rejected:
        try:
            name = image_name(row.get("image_sha256", ""), row.get("media_type", ""))
            metadata = parse_object(row.get("metadata", ""))
        except ValueError as error:
            return rejected_row(where, str(error))
        if not vector.is_valid:
            return rejected_row(where, "vector is missing")
        values = np.array(vector.values.to_numpy(zero_copy_only=False), dtype=np.float32)
        return checked_record(
            f"{where} ({row['id']})" if row.get("id") else where,
            partial(self._image, name, row["image_sha256"]),
            id=row.get("id"),
            label=row.get("label"),
            domain=row.get("domain"),
            group=row.get("group"),
            metadata=metadata,
            vector=KnownVector(values, self.header.fingerprint),
        )

    def _image(self, name: str, sha256: str) -> bytes:
        content = read_confined(self._root, name, max_bytes=self._max_bytes)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ImageUnreadableError(f"{name} is damaged: its content doesn't have the hash it is named for.")
        return content

    def _table(self) -> Path:
        path = self._root / TABLE
        if path.resolve().parent != self._root:
            raise ManifestInvalidError(f"{TABLE} is a link that leaves the export.")
        return path


def _columns(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return list(zip(schema.names, schema.types, strict=True))
