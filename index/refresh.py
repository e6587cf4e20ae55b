"""From the catalog and the manifest to a snapshot: everything at first, then only what has changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from sqlalchemy import Connection

from index.catalog.demonstration_rows import dead_since, read_columns, read_tail
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, get_pool
from index.catalog.version_rows import live_versions
from index.columns import Columns, find_rows
from index.encoder_version import EncoderVersion
from index.kept_columns import kept_columns
from index.manifest import Manifest, read_manifest
from index.search import Sources
from index.segments import Segment, open_segment
from index.snapshot import Snapshot
from index.space import Space
from index.tail import Tail
from invariantselect.errors import StoreCorruptError

__all__ = ["Refreshed", "refreshed"]

_DEAD_IDS = 1024  # so many more than there are demonstrations aren't worth forgetting


class Refreshed(NamedTuple):
    """Snapshots of one moment.

    Attributes:
        live: The encoder versions that can be searched, number 1 first.
        snapshots: By number, of those that were asked for and are live.
    """

    live: list[EncoderVersion]
    snapshots: dict[int, Snapshot]


class _FilesMovedError(Exception):
    """The manifest and the transaction don't fit together: a seal came between them, or something is lost."""

    def __init__(self, reason: str, seen: tuple[int, int, int]) -> None:
        super().__init__(reason)
        self.seen = seen


def refreshed(
    catalog: Catalog,
    folder: Path,
    key: str,
    name: str,
    *,
    wanted: Collection[int],
    previous: Mapping[int, Snapshot],
    at_hand: Collection[Segment] = (),
) -> Refreshed:
    """The present snapshots of a pool, all of the same version.

    A seal may take away files and tail vectors between one look and the next, so a first failure is tried again;
    when the same manifest at the same version fails twice, something is lost.

    Args:
        catalog: Where the pool is kept.
        folder: Of the pool's segments.
        key: Of the pool.
        name: Of the pool, for the reader of an error.
        wanted: Numbers of encoder versions; one that isn't live is left out.
        previous: Earlier snapshots to go on from; they stay as they are.
        at_hand: Segments that are open already.

    Raises:
        PoolNotFoundError: It was dropped.
        StoreCorruptError: A vector or a file is lost or damaged.
        CatalogUnavailableError: The database doesn't answer.
    """
    failed: tuple[int, int, int] | None = None
    while True:
        try:
            with catalog.reading() as connection:
                pool = get_pool(connection, key, name)
                live = live_versions(connection, key)
                spaces = [Space.of(key, folder, version) for version in live if version.number in wanted]
                made: dict[int, Snapshot] = {}
                for each in spaces:
                    made[each.number] = _attempt(connection, each, pool, {**previous, **made}, at_hand)
                return Refreshed(live, made)
        except _FilesMovedError as moved:
            if moved.seen == failed:
                raise StoreCorruptError(
                    f"the pool {name!r} is incomplete: {moved}",
                    hint="'invariantselect doctor' says what is lost; a rebuild makes vectors anew from the images.",
                    pool=name,
                ) from moved
            failed = moved.seen


@dataclass(frozen=True, eq=False)
class _Seats:
    """Where the vectors are: the sources, and the row of each vector."""

    sources: Sources
    rows: Int64[np.ndarray, " size"]


@dataclass(frozen=True, eq=False)
class _Base:
    """What is known before SQL is asked for what was written since.

    Attributes:
        version: Of the pool, at which it was known; 0 for nothing.
        columns: Of every row that lived then.
        dead: Rows of the columns that have died since.
        rows_by_id: Of whoever was known; None where that has to be made.
        snapshot: Of the same space, whose columns they are; None for those of another one or a file, or none.
    """

    version: int = 0
    columns: Columns = field(default_factory=Columns.empty)
    dead: Int64[np.ndarray, " n"] = field(default_factory=lambda: np.empty(0, np.int64))
    rows_by_id: dict[str, int] | None = None
    snapshot: Snapshot | None = None


def _base(
    connection: Connection, space: Space, pool: PoolRow, manifest: Manifest, known: Mapping[int, Snapshot]
) -> _Base:
    previous = known.get(space.number)
    if previous is not None and previous.version >= manifest.purged_version:
        dead = dead_since(connection, pool.key, since=previous.version)
        return _Base(previous.version, previous.columns, dead, previous.rows_by_id, previous)
    # The columns of all spaces are the same.
    for other in known.values():
        if other.version == pool.version:
            dead = other.rows[~other.alive]
            return _Base(other.version, other.columns, dead, other.rows_by_id)
    kept = kept_columns(connection, space.pool_folder, pool.key, version=pool.version)
    return _Base() if kept is None else _Base(kept.version, kept.columns, kept.columns.rows[~kept.columns.alive])


def _attempt(
    connection: Connection,
    space: Space,
    pool: PoolRow,
    known: Mapping[int, Snapshot],
    at_hand: Collection[Segment],
) -> Snapshot:
    # The transaction began before the manifest is read: whatever this manifest doesn't hold is still in the tail.
    manifest = read_manifest(space.folder, fingerprint=space.fingerprint, dim=space.dim)
    previous = known.get(space.number)
    if previous is not None and (previous.version, previous.generation) == (pool.version, manifest.generation):
        return previous
    seen = (space.number, manifest.generation, pool.version)
    base = _base(connection, space, pool, manifest, known)
    changed = read_columns(connection, pool.key, since=base.version)
    try:
        go_on = base.snapshot is not None
        seats = _seats(connection, space, manifest, previous, at_hand, go_on=go_on)
    except FileNotFoundError as error:
        raise _FilesMovedError(f"the file {error.filename or error} is missing", seen) from error

    positions = find_rows(seats.rows, changed.rows)
    lost = changed.rows[positions < 0]
    if base.snapshot is None or base.snapshot.generation != manifest.generation:
        kept = base.columns.rows[base.columns.alive]
        lost = np.concatenate([lost, np.setdiff1d(kept[find_rows(seats.rows, kept) < 0], base.dead)])
    if len(lost):
        raise _FilesMovedError(f"{len(lost)} demonstrations have no vector, the first in row {lost[0]}", seen)
    died = find_rows(seats.rows, base.dead)
    columns = _laid_out(base.columns, seats.rows, changed, positions).without(died[died >= 0])
    return Snapshot(
        version=pool.version,
        fingerprint=space.fingerprint,
        dim=space.dim,
        columns=columns,
        sources=seats.sources,
        rows_by_id=_rows_by_id(base.rows_by_id, columns, changed),
        generation=manifest.generation,
        number=space.number,
    )


def _laid_out(
    known: Columns,
    rows: Int64[np.ndarray, " size"],
    changed: Columns,
    positions: Int64[np.ndarray, " changed"],
) -> Columns:
    if changed.size and np.array_equal(rows, np.concatenate([known.rows, changed.rows])):
        return Columns.joined([known, changed])
    return known.aligned(rows).overwritten(positions, changed)


def _seats(
    connection: Connection,
    space: Space,
    manifest: Manifest,
    previous: Snapshot | None,
    at_hand: Collection[Segment],
    *,
    go_on: bool,
) -> _Seats:
    rows: list[Int64[np.ndarray, " _"]]
    if go_on and previous is not None and previous.generation == manifest.generation:
        segments, tail, rows = previous.sources.segments, previous.sources.tail, [previous.rows]
        after = max(manifest.sealed_through, int(previous.rows[-1]) if previous.size else -1)
    else:
        opened = () if previous is None else previous.sources.segments
        segments = _open(space.folder, manifest, [*opened, *at_hand])
        tail, rows = Tail(space.dim), [segment.rows for segment in segments]
        after = manifest.sealed_through
    sealed = len(rows)
    for part, vectors in read_tail(connection, space, after=after):
        rows.append(part)
        tail = tail.extended(vectors)
    if previous is not None and tail is previous.sources.tail and len(rows) == sealed:
        return _Seats(previous.sources, previous.rows)
    return _Seats(Sources(segments, tail), np.concatenate([np.empty(0, np.int64), *rows]))


def _open(folder: Path, manifest: Manifest, opened: Sequence[Segment]) -> tuple[Segment, ...]:
    known = {segment.entry: segment for segment in opened}
    return tuple(known.get(entry) or open_segment(folder, entry, manifest.dim) for entry in manifest.segments)


def _rows_by_id(known: dict[str, int] | None, columns: Columns, changed: Columns) -> dict[str, int]:
    if known is None or len(known) > 2 * np.count_nonzero(columns.alive) + _DEAD_IDS:
        return dict(zip(columns.ids[columns.alive].tolist(), columns.rows[columns.alive].tolist(), strict=True))
    for id, row in zip(changed.ids.tolist(), changed.rows.tolist(), strict=True):
        if known.get(id, -1) < row:  # another version's snapshot, which shares the table, may have seen a later one
            known[id] = row
    return known
