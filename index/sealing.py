"""Putting the tail away into segments, merging small segments, dropping the dead; safe to die in at any point.

Under a lock that all processes share: write new files beside the old ones, flush them, rename the manifest, and only
then forget in SQL what now lies in segments, and remove files that no manifest names. A crash before the rename
leaves files that nobody names; after it, tail vectors that readers skip because the manifest has their rows. The next
seal, or the next opening, clears both away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import Bool, Int64

from index.catalog.changes import forget_sealed, forget_tombstones
from index.catalog.demonstration_rows import dead_since, living_rows, read_tail
from index.catalog.engine import Catalog
from index.catalog.pool_rows import get_pool
from index.catalog.version_rows import live_versions
from index.durable_files import sha256_of, storing
from index.kept_columns import COLUMNS
from index.manifest import FILE, Manifest, SegmentEntry, write_manifest
from index.segments import Segment, open_segment, write_segment
from index.space import VERSIONS, Space
from index.tail import Part
from invariantselect.errors import StoreCorruptError

__all__ = ["LOCK", "exclusive", "forget", "living_parts", "orphans", "seal", "sealed", "sweep", "trailing_to_merge"]

LOCK = "lock"
_LARGEST_MERGE = 131_072
_DEAD_WORTH_REWRITING = 0.5
_ROWS_AT_ONCE = 2048


@contextmanager
def exclusive(folder: Path, *, wait: bool | float) -> Iterator[bool]:
    """Hold a space's folder against every other thread and process.

    Args:
        folder: Of the space.
        wait: Until nobody else holds it, or so many seconds.

    Yields:
        Whether it is held.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    lock = FileLock(folder / LOCK)
    # A Timeout is an OSError, too, but says nothing of the disk.
    with storing(folder / LOCK), suppress(Timeout):
        lock.acquire(timeout=-1 if wait is True else float(wait))
    if not lock.is_locked:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def seal(catalog: Catalog, space: Space, name: str) -> None:
    """Seal the tail of a space. The caller holds its folder. Answers and the pool's version stay the same.

    Of an encoder version that isn't live any more nothing is sealed.

    Args:
        catalog: Where the pool is kept.
        space: What is sealed.
        name: Of the pool, for the reader of an error.

    Raises:
        PoolNotFoundError: It was dropped.
        StoreCorruptError: A tail vector, a missing segment, or one that is to be merged is damaged; nothing is changed.
        CatalogUnavailableError: The database doesn't answer, or the disk is full.
    """
    with catalog.reading() as connection:
        pool = get_pool(connection, space.key, name)
        if all(version.number != space.number for version in live_versions(connection, space.key)):
            return
        manifest = space.manifest()
        living = living_rows(connection, space.key)
        tail = list(read_tail(connection, space, after=manifest.sealed_through))
        died = len(dead_since(connection, space.key, since=manifest.version))
    unsealed = int(np.count_nonzero(living > manifest.sealed_through))
    if sum(len(rows) for rows, _ in tail) != unsealed:
        raise StoreCorruptError(
            f"the pool {name!r} has lost vectors that were not sealed yet",
            hint="'invariantselect doctor' says what is lost; a rebuild makes vectors anew from the images.",
        )
    segments = sealed(space.folder, manifest, living, tail)
    if unsealed or segments != manifest.segments or died:  # told of deaths, too, or each write would seal again
        # Never less than it was: a catalog of a backup has given fewer rows than the segments hold.
        through = max(manifest.sealed_through, pool.next_row - 1)
        manifest = manifest.next(segments, sealed_through=through, version=pool.version)
        write_manifest(space.folder, manifest)
    forget(catalog, space, manifest)
    sweep(space.folder, manifest)


def sealed(
    folder: Path, manifest: Manifest, living: Int64[np.ndarray, " n"], tail: Sequence[Part]
) -> tuple[SegmentEntry, ...]:
    """The segments of a manifest with more vectors behind them, merged where that is due, the dead dropped.

    Args:
        folder: Where segments lie, and new ones are written.
        manifest: Of the segments so far.
        living: Rows of all demonstrations, ascending.
        tail: Rows and vectors to add, ascending, behind those in the segments.

    Raises:
        StoreCorruptError: A segment is missing, or one that is to be merged is damaged.
        CatalogUnavailableError: The disk is full.
    """
    try:
        opened = [open_segment(folder, entry, manifest.dim) for entry in manifest.segments]
    except FileNotFoundError as error:
        raise StoreCorruptError(
            f"the file {error.filename or error} is missing",
            hint="A rebuild makes the vectors anew from the images.",
        ) from error
    alive = [np.isin(segment.rows, living, assume_unique=True) for segment in opened]
    counts = [int(np.count_nonzero(mask)) for mask in alive]
    # What a rebuild gave an approximate half is left alone: the same snapshot mustn't answer otherwise after a seal.
    kept = [entry.proposer is not None and count > 0 for entry, count in zip(manifest.segments, counts, strict=True)]
    merged = trailing_to_merge(counts, sum(len(rows) for rows, _ in tail))
    merged = max(merged, *(number + 1 for number, keep in enumerate(kept) if keep), 0)
    entries: list[SegmentEntry | None] = []
    for segment, mask, count, keep in zip(opened[:merged], alive, counts, kept, strict=False):
        if keep or count >= _DEAD_WORTH_REWRITING * segment.count:
            entries.append(segment.entry)
        else:
            part = living_parts(folder, segment, mask)
            entries.append(write_segment(folder, part, manifest.dim, expected=count))
    merging = [living_parts(folder, *each) for each in zip(opened[merged:], alive[merged:], strict=True)]
    if tail or merging:
        expected = sum(counts[merged:]) + sum(len(rows) for rows, _ in tail)
        entries.append(write_segment(folder, chain(*merging, tail), manifest.dim, expected=expected))
    return tuple(entry for entry in entries if entry is not None)


def trailing_to_merge(counts: Sequence[int], tail: int) -> int:
    """From which segment on everything is merged with the tail.

    A segment joins when it is less than twice as large as all that comes behind it, so a vector is rewritten a
    logarithmic number of times; and no merge grows beyond what is written in a second or two.
    """
    if tail == 0:
        return len(counts)
    merged, first = tail, len(counts)
    while first > 0 and counts[first - 1] < 2 * merged and merged + counts[first - 1] <= _LARGEST_MERGE:
        first -= 1
        merged += counts[first]
    return first


def living_parts(folder: Path, segment: Segment, alive: Bool[np.ndarray, " count"]) -> Iterator[Part]:
    """What lives of a segment, ascending, in parts of a few megabytes.

    Raises:
        StoreCorruptError: The segment was altered; before the first part.
    """
    path = folder / segment.entry.file
    # Copying damaged vectors into a file with a fresh checksum would hide the damage for good.
    if sha256_of(path) != segment.entry.sha256:
        raise StoreCorruptError(
            f"the segment {path} was altered",
            hint="A rebuild makes the vectors anew from the images.",
        )
    offsets = np.flatnonzero(alive)
    for start in range(0, len(offsets), _ROWS_AT_ONCE):
        some = offsets[start : start + _ROWS_AT_ONCE]
        yield segment.rows[some], segment.vectors(some)


def forget(catalog: Catalog, space: Space, manifest: Manifest) -> None:
    """Remove from SQL what a space's manifest makes superfluous: its tail, and tombstones that no live space needs."""
    with catalog.writing() as connection:
        forget_sealed(connection, space.key, space.number, through=manifest.sealed_through)
        live = live_versions(connection, space.key)
        purged = (_purged(Space.of(space.key, space.pool_folder, version)) for version in live)
        forget_tombstones(connection, space.key, through=min(purged, default=0))


def _purged(space: Space) -> int:
    try:
        return space.manifest().purged_version
    except StoreCorruptError:
        return 0  # what another space is damaged in must not stop this one from being sealed


def orphans(folder: Path, manifest: Manifest) -> list[Path]:
    """Files in a space's folder that a seal left behind and the manifest doesn't name."""
    named = {name for entry in manifest.segments for name in entry.files}
    return sorted(path for path in folder.iterdir() if path.name not in {*named, LOCK, VERSIONS, COLUMNS, FILE})


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove the orphans. The caller holds the folder, so none of them is being written.

    Where no manifest was ever written, or it is lost, nothing is removed: its segments may be all that is left.
    """
    if manifest.generation == 0:
        return
    for path in orphans(folder, manifest):
        path.unlink(missing_ok=True)
