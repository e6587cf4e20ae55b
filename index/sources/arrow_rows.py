"""Arrow tables as rows of plain values: what Parquet manifests and saved datasets have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int64

from index.sources.record import Ignored, readable
from index.sources.text_lines import MAX_LINE

__all__ = ["first_line", "plain_columns", "plain_rows", "text_columns", "unusable_columns"]


def _is_plain(kind: pa.DataType) -> bool:
    return (
        _is_text(_values_of(kind))
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_float32(kind)
        or pa.types.is_float64(kind)
        or pa.types.is_null(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _values_of(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


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
    return [field.name for field in schema if _is_text(_values_of(field.type))]


def plain_rows(batch: pa.RecordBatch | pa.Table) -> Iterator[dict[str, Any] | str]:
    """Rows as dictionaries of Python values, nulls left out; in the place of one that can't be used, why.

    That is one with a text longer than a line of a manifest may be: few bytes of a file can be many such texts.
    """
    wrong: dict[int, str] = {}
    for name in text_columns(batch.schema):
        lengths = _lengths(batch.column(name))
        for number in np.flatnonzero(lengths > MAX_LINE).tolist():
            wrong[number] = f"the text in the column {readable(name)} has {lengths[number]} bytes, more than {MAX_LINE}"
    usable = np.ones(batch.num_rows, dtype=np.bool_)
    usable[list(wrong)] = False
    rows = iter(batch.filter(pa.array(usable)).to_pylist())
    for number in range(batch.num_rows):
        if number in wrong:
            yield wrong[number]
        else:
            yield {name: value for name, value in next(rows).items() if value is not None}


def _lengths(column: pa.Array | pa.ChunkedArray) -> Int64[np.ndarray, " n"]:
    """Bytes of each text, 0 where there is none."""
    found = [np.empty(0, dtype=np.int64)]
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if pa.types.is_dictionary(chunk.type):
            lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
        else:
            lengths = pc.binary_length(chunk)
        found.append(pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False).astype(np.int64))
    return np.concatenate(found)


def first_line(error: Exception) -> str:
    """The beginning of a message of pyarrow's, which can be pages long."""
    return str(error).strip().split("\n", 1)[0].rstrip(".")[:200]
