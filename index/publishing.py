"""Putting what a rebuild made in the place of a space's segments, with what was sealed while it was made behind it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from sqlalchemy import Connection

from encoders.flush import flush
from index.catalog.changes import forget_sealed
from index.catalog.demonstration_rows import living_rows, read_tail
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, advance, get_pool
from index.catalog.version_rows import find_version
from index.durable_files import storing
from index.manifest import Manifest, SegmentEntry, write_manifest
from index.sealing import exclusive, living_parts, sweep
from index.segments import Segment, open_segment, write_segment
from index.space import Space
from invariantselect.errors import PoolNotAdaptedError, StoreCorruptError

__all__ = ["Rebuilt", "publish", "require_live"]


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild made.

    Attributes:
        segments: In ascending order of rows, their files in a folder of the rebuild's.
        through: Every living row up to this one lies in them.
        version: Of the pool, at which that was so.
        recall: What the rebuild was asked for, None for exact search.
    """

    segments: tuple[SegmentEntry, ...] = ()
    through: int = -1
    version: int = 0
    recall: float | None = None


def publish(catalog: Catalog, space: Space, name: str, rebuilt: Rebuilt, folder: Path) -> bool:
    """Let what a rebuild made be searched, from the next snapshot on; the pool gets a new version.

    What was sealed behind it meanwhile is kept. Where that is lost or damaged, nothing is changed.

    Args:
        catalog: Where the pool is kept.
        space: What was made anew.
        name: Of the pool, for the reader of an error.
        rebuilt: What takes the place of all up to its last row.
        folder: Where its files are; they are moved.

    Returns:
        Whether it is searched now; False where there has to be more of it.

    Raises:
        PoolNotFoundError: The pool was dropped.
        EncoderVersionNotFoundError, PoolNotAdaptedError: The encoder version doesn't serve any more.
        CatalogUnavailableError: The database doesn't answer, or the disk is full.
    """
    with catalog.reading() as connection:
        require_live(connection, space, name)  # else its folder may be gone
    with exclusive(space.folder, wait=True):
        present = _present(catalog, space, name, rebuilt)
        later = _later(space, present, rebuilt.through, folder)
        if later is None:
            return False
        try:
            _move([*rebuilt.segments, *later], folder, space.folder)
            manifest = _manifest(space, present, rebuilt, later)
            write_manifest(space.folder, manifest)
        except BaseException:
            with suppress(StoreCorruptError, OSError):
                sweep(space.folder, space.manifest())
            raise
        with catalog.writing() as connection:
            now = get_pool(connection, space.key, name)
            forget_sealed(connection, space.key, space.number, through=manifest.sealed_through)
            advance(connection, space.key, version=now.version + 1, next_row=now.next_row)
        sweep(space.folder, manifest)
    return True


def require_live(connection: Connection, space: Space, name: str) -> PoolRow:
    """The pool of a space that is searched.

    Raises:
        PoolNotFoundError, EncoderVersionNotFoundError: It is gone.
        PoolNotAdaptedError: It doesn't serve.
    """
    pool = get_pool(connection, space.key, name)
    version = find_version(connection, space.key, space.number, pool=name)
    if not version.live:
        raise PoolNotAdaptedError(
            f"the encoder version {version.number} of the pool {name!r} is {version.state}", pool=name
        )
    return pool


@dataclass(frozen=True, eq=False)
class _Present:
    """A space as a rebuild finds it when it is published; nobody else can change the manifest then.

    Attributes:
        pool: Its row in the catalog.
        manifest: None where it can't be read.
        living: Rows of the demonstrations behind those that the rebuild has, ascending.
        unsealed: How many of them the tail has.
        sealed_through: What lies in segments, the rebuild's among them.
    """

    pool: PoolRow
    manifest: Manifest | None
    living: Int64[np.ndarray, " n"]
    unsealed: int
    sealed_through: int


def _present(catalog: Catalog, space: Space, name: str, rebuilt: Rebuilt) -> _Present:
    manifest: Manifest | None = None
    with suppress(StoreCorruptError):  # the rebuild may have been asked for as it is lost
        manifest = space.manifest()
    through = rebuilt.through if manifest is None else max(rebuilt.through, manifest.sealed_through)
    with catalog.reading() as connection:
        pool = require_live(connection, space, name)
        living = living_rows(connection, space.key)
        unsealed = sum(len(rows) for rows, _ in read_tail(connection, space, after=through))
    return _Present(pool, manifest, living[living > rebuilt.through], unsealed, through)


def _later(space: Space, present: _Present, through: int, folder: Path) -> tuple[SegmentEntry, ...] | None:
    """Segments of what was sealed behind a row; None where something behind it is neither in one nor in the tail.

    A segment that begins before that row, as a seal merged it, is written again without what the rebuild has.
    """
    sound = [(each, np.isin(each.rows, present.living, assume_unique=True)) for each in _sound(space, present.manifest)]
    parts = [(segment, alive) for segment, alive in sound if alive.any()]
    if sum(int(np.count_nonzero(alive)) for _, alive in parts) + present.unsealed != len(present.living):
        return None
    entries = []
    for segment, alive in parts:
        entry: SegmentEntry | None = segment.entry
        if segment.rows[0] <= through:
            try:
                entry = write_segment(folder, living_parts(space.folder, segment, alive), space.dim)
            except StoreCorruptError:
                return None
        if entry is not None:
            entries.append(entry)
    return tuple(entries)


def _sound(space: Space, manifest: Manifest | None) -> Iterator[Segment]:
    """The rebuild may have been asked for as the others are lost."""
    for entry in () if manifest is None else manifest.segments:
        with suppress(FileNotFoundError, StoreCorruptError):
            yield open_segment(space.folder, entry, space.dim)


def _move(segments: Iterable[SegmentEntry], folder: Path, to: Path) -> None:
    with storing(to):
        for name in [name for entry in segments for name in entry.files]:
            if (folder / name).exists():  # else it has been there
                (folder / name).rename(to / name)
        flush(to)


def _manifest(space: Space, present: _Present, rebuilt: Rebuilt, later: Sequence[SegmentEntry]) -> Manifest:
    # No tombstone is forgotten. Where it isn't known which were, everybody reads everything again. The version is never
    # less: the next seal takes it for what is spent.
    before = present.manifest
    if before is None or before.generation == 0:
        version = purged = present.pool.version + 1
    else:
        version, purged = max(rebuilt.version, before.version), before.purged_version
    return Manifest(
        fingerprint=space.fingerprint,
        dim=space.dim,
        generation=time.time_ns(),  # no reader may take it for one that it has seen
        segments=(*rebuilt.segments, *later),
        sealed_through=present.sealed_through,
        version=version,
        purged_version=purged,
        recall=rebuilt.recall,
    )
