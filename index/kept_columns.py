"""A pool's columns in one file, so that opening a large pool reads an array where it would read every row from SQL.

SQL is what counts. The file is a copy as of one version of the pool, made by a seal or a rebuild once enough has
changed; who opens the pool reads from SQL what was written since, and which rows live. Without the file, or with one
that is damaged or belongs to another history of the catalog, everything is read from SQL, which only takes longer.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import safetensors.numpy
from jaxtyping import Shaped
from sqlalchemy import Connection

from index.catalog.demonstration_rows import count_since, count_through, living_rows, read_columns
from index.catalog.engine import Catalog
from index.catalog.pool_rows import get_pool
from index.column import Column
from index.columns import Columns, find_rows
from index.durable_files import storing, write_durably
from index.metadata import MetadataReader, metadata_text
from index.metadata_column import MetadataColumn
from invariantselect.errors import StoreCorruptError

__all__ = ["COLUMNS", "KeptColumns", "Trust", "discard_newer", "keep_columns", "kept_columns", "read_kept"]

Trust = Literal["header", "checksum", "nothing"]
"""What a file that is there is believed by, when it is decided whether to write it: its header, which is read at once;
its checksum, for which all of it is read; or it isn't, and everything is read from SQL."""

COLUMNS = "columns.kept"
"""Name of the file in a pool's folder."""

_FORMAT = 2
# Below this, SQL is read in a third of a second.
_WORTH_KEEPING = 65_536
_CHANGED_WORTH_WRITING = 1 / 8
_LONGEST_HEADER = 1024
_APART = "\0"  # no id, label, domain, group or JSON text holds it
_TEXTS = ("labels", "domains", "groups", "media_types")
_log = logging.getLogger("index.kept_columns")


class KeptColumns(NamedTuple):
    """Columns as of a version of the pool, in ascending order of rows.

    Attributes:
        version: Of the pool.
        columns: Of all rows that lived then; those that have died since aren't alive.
    """

    version: int
    columns: Columns


def kept_columns(connection: Connection, folder: Path, key: str, *, version: int) -> KeptColumns | None:
    """What a pool's folder has, brought together with the rows that live; None where everything has to be read.

    Args:
        connection: Shows the catalog at one moment.
        folder: Of the pool.
        key: Of the pool.
        version: Of the pool at that moment.
    """
    try:
        kept = read_kept(folder / COLUMNS)
    except StoreCorruptError as error:
        _log.warning("%s; everything is read from the catalog", error.detail)
        return None
    if kept is None or kept.version > version or kept.columns.size == 0:
        return None
    # A new image has a row behind all earlier ones, so counting tells whether any of these has died.
    rows = kept.columns.rows
    if count_through(connection, key, row=int(rows[-1])) == len(rows):
        return kept
    alive = np.isin(rows, living_rows(connection, key), assume_unique=True)
    return KeptColumns(kept.version, replace(kept.columns, alive=alive))


def keep_columns(catalog: Catalog, folder: Path, key: str, name: str, *, trust: Trust = "header") -> None:
    """Write the file where the pool is large, and enough has changed since or what is there isn't to be believed. The
    caller holds the folder.

    Args:
        catalog: Where the pool is kept.
        folder: Of the pool.
        key: Of the pool.
        name: Of the pool, for the reader of an error.
        trust: What a file that is there is believed by.

    Raises:
        PoolNotFoundError: It was dropped.
        CatalogUnavailableError: The database doesn't answer, or the disk is full; the file is as it was.
    """
    with catalog.reading() as connection:
        pool = get_pool(connection, key, name)
        living = count_since(connection, key, since=0)
        if living < _WORTH_KEEPING:
            return
        about = _believed(folder / COLUMNS, trust)
        # The catalog may have been restored from a backup: the version of the file may be one that isn't reached yet.
        if about is not None and about.version <= pool.version:
            changed = max(count_since(connection, key, since=about.version), abs(living - about.rows))
            if changed < _CHANGED_WORTH_WRITING * living:
                return
        kept = None if about is None else kept_columns(connection, folder, key, version=pool.version)
        known = kept or KeptColumns(0, Columns.empty())
        since = read_columns(connection, key, since=known.version)
        rows = living_rows(connection, key)
    columns = known.columns.aligned(rows).overwritten(find_rows(rows, since.rows), since)
    with storing(folder / COLUMNS):
        write_durably(folder / COLUMNS, _dumped(KeptColumns(pool.version, columns)))


def discard_newer(folder: Path, version: int) -> None:
    """Remove a file of a later version than the pool's: its catalog was restored from a backup. The caller holds the
    folder, and hasn't written yet: once the catalog has reached the file's version, nobody could tell the two apart.
    """
    about = _about(folder / COLUMNS)
    if about is not None and about.version > version:
        (folder / COLUMNS).unlink(missing_ok=True)


def read_kept(path: Path) -> KeptColumns | None:
    """What a file holds; None where there is none.

    Raises:
        StoreCorruptError: It was altered, is of another format, or can't be read.
    """
    whole = _whole(path)
    return None if whole is None else KeptColumns(whole[0].version, _columns(safetensors.numpy.load(bytes(whole[1]))))


class _About(NamedTuple):
    version: int
    rows: int
    sha256: str


def _whole(path: Path) -> tuple[_About, memoryview] | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreCorruptError(f"the file {path} can't be read: {error.strerror}") from error
    end = content.find(b"\n", 0, _LONGEST_HEADER)
    about = _parsed(content[: max(end, 0)])
    body = memoryview(content)[end + 1 :]  # of a hundred megabytes that are only compared no copy is made
    if about is None or _checksum(about.version, about.rows, body) != about.sha256:
        raise StoreCorruptError(f"the file {path} was altered, or is of another format")
    return about, body


def _believed(path: Path, trust: Trust) -> _About | None:
    if trust == "nothing":
        return None
    if trust == "header":
        return _about(path)
    try:
        whole = _whole(path)
    except StoreCorruptError as error:
        _log.warning("%s; it is made anew", error.detail)
        return None
    return None if whole is None else whole[0]


def _about(path: Path) -> _About | None:
    try:
        with path.open("rb") as file:
            return _parsed(file.readline(_LONGEST_HEADER))
    except OSError:
        return None  # who reads all of it will say why it can't be read


def _parsed(header: bytes) -> _About | None:
    try:
        about = json.loads(header)
        if about["format"] != _FORMAT:
            return None
        return _About(int(about["version"]), int(about["rows"]), str(about["sha256"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _dumped(kept: KeptColumns) -> bytes:
    columns = kept.columns
    metadata = _metadata_column(columns.metadata.mappings)
    arrays = {"rows": columns.rows, "sizes": columns.sizes, "ids": _joined(columns.ids.tolist())}
    arrays["sha256"] = np.ascontiguousarray(columns.sha256).view(np.uint8).reshape(-1, 64)
    for name, column in [*((name, getattr(columns, name)) for name in _TEXTS), ("metadata", metadata)]:
        arrays[name] = column.codes
        arrays[f"{name}.values"] = _joined(column.values)
    body = safetensors.numpy.save(arrays)
    about = _About(kept.version, columns.size, _checksum(kept.version, columns.size, body))
    return json.dumps({"format": _FORMAT, **about._asdict()}).encode() + b"\n" + body


def _checksum(version: int, rows: int, body: bytes | memoryview) -> str:
    sha256 = hashlib.sha256(f"{version} {rows}\n".encode())
    sha256.update(body)
    return sha256.hexdigest()


def _columns(arrays: dict[str, np.ndarray]) -> Columns:
    rows = arrays["rows"]
    values = {name: tuple(_texts(arrays[f"{name}.values"])) for name in (*_TEXTS, "metadata")}
    parse = MetadataReader()
    ids, parsed = np.empty(len(rows), object), np.empty(len(values["metadata"]), object)
    ids[:] = _texts(arrays["ids"])
    parsed[:] = [parse(text) for text in values["metadata"]]
    return Columns(
        rows=rows,
        alive=np.ones(len(rows), dtype=np.bool_),
        ids=ids,
        sha256=arrays["sha256"].reshape(-1).view("S64"),
        metadata=MetadataColumn(parsed[arrays["metadata"]]),
        sizes=arrays["sizes"],
        **{name: Column(arrays[name], values[name]) for name in _TEXTS},
    )


def _metadata_column(metadata: Shaped[np.ndarray, " size"]) -> Column:
    texts: dict[int, str] = {}  # equal mappings are one object, mostly: each is written once
    for each in metadata.tolist():
        if id(each) not in texts:
            texts[id(each)] = metadata_text(each)
    return Column.of([texts[id(each)] for each in metadata.tolist()])


def _joined(texts: Iterable[str]) -> Shaped[np.ndarray, " bytes"]:
    """Texts as uint8, each with an end of its own, so that none and one empty text differ."""
    return np.frombuffer("".join(f"{text}{_APART}" for text in texts).encode(), dtype=np.uint8)


def _texts(joined: Shaped[np.ndarray, " bytes"]) -> Sequence[str]:
    return joined.tobytes().decode().split(_APART)[:-1]
