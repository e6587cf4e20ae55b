"""Arrow tables as rows of plain values: what Parquet manifests and saved datasets have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from index.sources.record import Ignored, readable
from index.sources.text_lines import MAX_LINE

__all__ = ["first_line", "plain_columns", "plain_rows", "text_columns", "unusable_columns"]


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return (
        _is_text(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_float32(kind)
        or pa.types.is_float64(kind)
        or pa.types.is_null(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain_columns(schema: pa.Schema) -> list[str]:
    """Columns of text, whole numbers, single and double floats, and booleans."""
    return [field.name for field in schema if _is_plain(field.type)]


def unusable_columns(name: str, schema: pa.Schema, *, but: frozenset[str] = frozenset()) -> Iterator[Ignored]:
    """The other columns, which can't be metadata: dates, decimals, lists, structures, bytes."""
    for field in schema:
        if not _is_plain(field.type) and field.name not in but:
            yield Ignored(
                f"{name} column {readable(field.name)}",
                f"Metadata is text, numbers and booleans; this column is {field.type}.",
            )


def text_columns(schema: pa.Schema) -> list[str]:
    """Columns of text: to be read as dictionaries, so that a text which all rows have is in memory once."""
    return [field.name for field in schema if _is_text(field.type)]


def plain_rows(batch: pa.RecordBatch | pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries of Python values, nulls left out.

    Raises:
        ArrowInvalid: A text is longer than a line of a manifest may be: few bytes of a file can be many such texts.
    """
    for name in plain_columns(batch.schema):
        longest = _longest_text(batch.column(name))
        if longest > MAX_LINE:
            raise pa.ArrowInvalid(f"a text in the column {readable(name)} has {longest} bytes, more than {MAX_LINE}")
    for row in batch.to_pylist():
        yield {name: value for name, value in row.items() if value is not None}


def _longest_text(column: pa.Array | pa.ChunkedArray) -> int:
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        values = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        if _is_text(values.type) and len(values):
            longest = pc.max(pc.binary_length(values)).as_py() or 0
            if longest > MAX_LINE:
                return int(longest)
    return 0


def first_line(error: Exception) -> str:
    """The beginning of a message of pyarrow's, which can be pages long."""
    return str(error).strip().split("\n", 1)[0].rstrip(".")[:200]
