"""Reading demonstrations, the vectors of the tail, and tombstones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64
from sqlalchemy import Connection, Select, and_, func, select

from index.catalog.tables import demonstrations, tail_vectors, tombstones
from index.catalog.tail_bytes import intact
from index.column import Column
from index.columns import Columns
from index.demonstration import Demonstration
from index.metadata import MetadataReader
from index.metadata_column import MetadataColumn
from index.space import Space
from index.tail import Part

__all__ = [
    "LabelCount",
    "RowImage",
    "Stored",
    "all_images",
    "count_churn",
    "count_labels",
    "count_since",
    "count_through",
    "dead_since",
    "image_of",
    "images_by_row",
    "living_rows",
    "page_after",
    "read_columns",
    "read_tail",
    "referenced",
    "stored_by_id",
    "written_since",
]

_IDS_AT_ONCE = 500
# Ten times as many take half as long again, and other threads wait for Python by 70 ms at a time in place of 5.
_ROWS_AT_ONCE = 1_000

_d = demonstrations.c
_COLUMNS = (
    _d.row,
    _d.id,
    _d.label,
    _d.domain,
    _d.group,
    _d.image_sha256,
    _d.metadata,
    _d.media_type,
    _d.width,
    _d.height,
)


class Stored(NamedTuple):
    """A demonstration with its row."""

    row: int
    demonstration: Demonstration


class RowImage(NamedTuple):
    """What the vectors of a row are made from.

    Attributes:
        row: Of a demonstration.
        sha256: Content hash of its image.
        domain: Of the demonstration.
    """

    row: int
    sha256: str
    domain: str | None


@dataclass(frozen=True)
class LabelCount:
    """How many demonstrations have a label and a domain."""

    label: str
    domain: str | None
    count: int


def read_columns(connection: Connection, key: str, *, since: int) -> Columns:
    """Everything written after version `since`, in ascending order of rows, all alive."""
    statement = select(*_COLUMNS).where(_d.pool_key == key).order_by(_d.row)
    if since > 0:
        statement = statement.where(_d.version > since)
    else:  # a whole pool isn't held twice
        statement = statement.execution_options(yield_per=_ROWS_AT_ONCE)
    parse = MetadataReader()
    parts = connection.execute(statement).partitions(_ROWS_AT_ONCE)
    return Columns.joined([Columns.empty(), *(_columns(part, parse) for part in parts)])


def _columns(read: Sequence[Any], parse: MetadataReader) -> Columns:
    rows, ids, labels, domains, groups, hashes, texts, media_types, widths, heights = zip(*read, strict=True)
    ids_array, metadata = np.empty(len(read), object), np.empty(len(read), object)
    ids_array[:] = ids
    metadata[:] = [parse(text) for text in texts]
    return Columns(
        rows=np.array(rows, dtype=np.int64),
        alive=np.ones(len(read), dtype=np.bool_),
        ids=ids_array,
        labels=Column.of(labels),
        domains=Column.of(domains),
        groups=Column.of(groups),
        sha256=np.array(hashes, dtype="S64"),
        metadata=MetadataColumn(metadata),
        media_types=Column.of(media_types),
        sizes=np.array([widths, heights], dtype=np.int32).T.copy(),
    )


def read_tail(connection: Connection, space: Space, *, after: int) -> Iterator[Part]:
    """Rows and vectors of living demonstrations behind row `after` that are in a tail, ascending, in parts."""
    t, dim = tail_vectors.c, space.dim
    joined = tail_vectors.join(demonstrations, and_(_d.pool_key == t.pool_key, _d.row == t.row))
    mine = (t.pool_key == space.key) & (t.number == space.number) & (t.row > after)
    statement = select(t.row, t.vector).select_from(joined).where(mine).order_by(t.row)
    for part in connection.execute(statement).partitions(_ROWS_AT_ONCE):
        # A damaged vector counts as none: its row then has no vector, which is what a reader reports.
        read = [(row, intact(content, dim)) for row, content in part]
        whole = [(row, vector) for row, vector in read if vector is not None]
        vectors = np.frombuffer(b"".join(vector for _, vector in whole), dtype="<f4").astype(np.float32, copy=False)
        yield np.array([row for row, _ in whole], dtype=np.int64), vectors.reshape(-1, dim)


def dead_since(connection: Connection, key: str, *, since: int) -> Int64[np.ndarray, " n"]:
    """Rows that died after version `since`."""
    t = tombstones.c
    rows = connection.execute(select(t.row).where(t.pool_key == key, t.version > since)).scalars()
    return np.fromiter(rows, dtype=np.int64)


def living_rows(connection: Connection, key: str) -> Int64[np.ndarray, " n"]:
    """Rows of all demonstrations, ascending."""
    rows = connection.execute(select(_d.row).where(_d.pool_key == key).order_by(_d.row)).scalars()
    return np.fromiter(rows, dtype=np.int64)


def count_since(connection: Connection, key: str, *, since: int) -> int:
    """How many demonstrations were written after version `since`; all of them for 0."""
    statement = select(func.count()).select_from(demonstrations).where(_d.pool_key == key)
    return int(connection.execute(statement if since == 0 else statement.where(_d.version > since)).scalar_one())


def count_through(connection: Connection, key: str, *, row: int) -> int:
    """How many demonstrations there are up to a row."""
    statement = select(func.count()).select_from(demonstrations).where(_d.pool_key == key, _d.row <= row)
    return int(connection.execute(statement).scalar_one())


def written_since(connection: Connection, key: str, *, since: int) -> bool:
    """Whether a demonstration was written or died after version `since`."""
    written = select(_d.row).where(_d.pool_key == key, _d.version > since).limit(1)
    died = select(tombstones.c.row).where(tombstones.c.pool_key == key, tombstones.c.version > since).limit(1)
    return any(connection.execute(statement).first() is not None for statement in (written, died))


def count_churn(connection: Connection, space: Space, *, since: int) -> int:
    """How much a seal would put away: vectors in the tail, and rows that died after version `since`."""
    t = tail_vectors.c
    tail = select(func.count()).select_from(tail_vectors).where(t.pool_key == space.key, t.number == space.number)
    dead = select(func.count()).where(tombstones.c.pool_key == space.key, tombstones.c.version > since)
    return int(connection.execute(tail).scalar_one()) + int(connection.execute(dead).scalar_one())


def stored_by_id(connection: Connection, key: str, ids: Iterable[str]) -> dict[str, Stored]:
    """The demonstrations with these ids, without those that don't exist."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Stored] = {}
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        some = wanted[start : start + _IDS_AT_ONCE]
        found.update(_stored(connection, select(*_COLUMNS).where(_d.pool_key == key, _d.id.in_(some))))
    return found


def page_after(connection: Connection, key: str, *, after: str | None, limit: int) -> list[Demonstration]:
    """Up to `limit` demonstrations in ascending order of ids, behind the id `after`."""
    statement = select(*_COLUMNS).where(_d.pool_key == key).order_by(_d.id).limit(limit)
    if after is not None:
        statement = statement.where(_d.id > after)
    return [stored.demonstration for stored in _stored(connection, statement).values()]


def image_of(connection: Connection, key: str, id: str) -> tuple[str, str] | None:
    """Content hash and media type of a demonstration's image, None where there is no such demonstration."""
    statement = select(_d.image_sha256, _d.media_type).where(_d.pool_key == key, _d.id == id)
    found = connection.execute(statement).one_or_none()
    return None if found is None else (found[0], found[1])


def count_labels(connection: Connection, key: str) -> list[LabelCount]:
    """How many demonstrations each label has in each domain, by label and domain."""
    statement = select(_d.label, _d.domain, func.count()).where(_d.pool_key == key).group_by(_d.label, _d.domain)
    counts = [LabelCount(*row) for row in connection.execute(statement)]
    return sorted(counts, key=lambda each: (each.label, each.domain is not None, each.domain or ""))


def images_by_row(connection: Connection, key: str) -> list[RowImage]:
    """Row, content hash and domain of every demonstration, in ascending order of rows."""
    statement = select(_d.row, _d.image_sha256, _d.domain).where(_d.pool_key == key).order_by(_d.row)
    return [RowImage(*found) for found in connection.execute(statement)]


def all_images(connection: Connection) -> set[str]:
    """Content hashes of the images of all demonstrations of all pools."""
    return set(connection.execute(select(_d.image_sha256).distinct()).scalars())


def referenced(connection: Connection, hashes: Sequence[str]) -> set[str]:
    """Those of the content hashes that some demonstration of any pool has."""
    found: set[str] = set()
    for start in range(0, len(hashes), _IDS_AT_ONCE):
        some = hashes[start : start + _IDS_AT_ONCE]
        found.update(connection.execute(select(_d.image_sha256).where(_d.image_sha256.in_(some)).distinct()).scalars())
    return found


def _stored(connection: Connection, statement: Select[Any]) -> dict[str, Stored]:
    parse = MetadataReader()
    return {
        row.id: Stored(
            row.row,
            Demonstration(
                id=row.id,
                label=row.label,
                domain=row.domain,
                group=row.group,
                metadata=parse(row.metadata),
                sha256=row.image_sha256,
                media_type=row.media_type,
                width=row.width,
                height=row.height,
            ),
        )
        for row in connection.execute(statement)
    }
