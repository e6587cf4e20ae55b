"""Making one segment of an encoder version anew: from its images, or from the vectors that there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np
from jaxtyping import Float32, Int64

from index.blobs.blobs import Blobs
from index.catalog.changes import forget_sealed
from index.catalog.demonstration_rows import RowImage, images_by_row
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, advance, get_pool
from index.columns import find_rows
from index.keeping import kept
from index.manifest import Manifest, SegmentEntry, write_manifest
from index.proposers.choosing import with_proposer
from index.proposers.kind import Tick, untold
from index.recoding import Recode, RowsToEncode, recoded
from index.sealing import sweep
from index.segments import write_segment
from index.snapshot import Snapshot
from index.space import Space
from index.tail import Part
from invariantselect.errors import ImageNotFoundError, StoreCorruptError

__all__ = ["rebuild"]

_IMAGES_AT_ONCE = 64


def rebuild(
    catalog: Catalog,
    blobs: Blobs,
    space: Space,
    name: str,
    *,
    recode: Recode | None,
    frozen: Callable[[], Snapshot],
    recall: float | None = None,
    tick: Tick = untold,
) -> None:
    """Encode every demonstration of a pool and swap the new segment in at once. The caller holds the space's folder.

    What is written meanwhile stays in the tail. Where vectors are encoded, the old manifest and its segments are not
    read, so they may be lost.

    Args:
        catalog: Where the pool is kept.
        blobs: Where its images are.
        space: What is made anew.
        name: Of the pool, for the reader of an error.
        recode: Encodes by the encoder version; None to keep the vectors that there are.
        frozen: Gives the present snapshot of version 1.
        recall: What an approximate half of the segment has to reach, above 0 and below 1; None for exact search.
        tick: Told how far such a half is; what it raises ends the rebuild.

    Raises:
        PoolNotFoundError: The pool was dropped.
        StoreCorruptError: An image, or a vector that was to be kept, is lost or was altered; nothing is changed.
        InvalidVectorError: `recode` returned something else than (n, dim) finite numbers; nothing is changed.
        CatalogUnavailableError: The database doesn't answer, or the disk is full.
    """
    with catalog.reading() as connection:
        pool = get_pool(connection, space.key, name)
        if recode is None:
            parts, expected = kept(connection, space, name)
        else:
            images = images_by_row(connection, space.key)
            parts, expected = _Making(catalog, blobs, space, recode, frozen).parts(images), len(images)
    try:
        entry = write_segment(space.folder, parts, space.dim, expected=expected)
        if entry is not None and recall is not None:
            entry = with_proposer(space.folder, entry, space.dim, recall, tick)
        manifest = _manifest(space, pool, entry, recall)
        write_manifest(space.folder, manifest)
    except BaseException:
        with suppress(StoreCorruptError, OSError):  # gigabytes, each time that it is cancelled
            sweep(space.folder, space.manifest())
        raise
    with catalog.writing() as connection:
        now = get_pool(connection, space.key, name)
        forget_sealed(connection, space.key, space.number, through=manifest.sealed_through)
        advance(connection, space.key, version=now.version + 1, next_row=now.next_row)
    sweep(space.folder, manifest)


def _manifest(space: Space, pool: PoolRow, entry: SegmentEntry | None, recall: float | None) -> Manifest:
    return Manifest(
        fingerprint=space.fingerprint,
        dim=space.dim,
        generation=time.time_ns(),  # no reader may take it for one that it has seen
        segments=() if entry is None else (entry,),
        sealed_through=pool.next_row - 1,
        version=pool.version,
        purged_version=_purged(space, pool.version + 1),
        recall=recall,
    )


def _purged(space: Space, otherwise: int) -> int:
    """As before, for a rebuild forgets no tombstone; where that isn't known, everybody reads everything again."""
    try:
        before = space.manifest()
    except StoreCorruptError:
        return otherwise
    return otherwise if before.generation == 0 else before.purged_version


class _Making:
    def __init__(
        self, catalog: Catalog, blobs: Blobs, space: Space, recode: Recode, frozen: Callable[[], Snapshot]
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._space = space
        self._recode = recode
        self._frozen = frozen

    def parts(self, images: Sequence[RowImage]) -> Iterator[Part]:
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            some = list(images[start : start + _IMAGES_AT_ONCE])
            while some:
                given = self._given(some)
                try:
                    vectors = recoded(self._recode, given, self._space.dim)
                except ImageNotFoundError as error:
                    living = self._living()
                    kept = [image for image in some if (image.row, image.sha256) in living]
                    if len(kept) == len(some):  # none was deleted since the rebuild began
                        raise StoreCorruptError(f"an image is lost: {error.detail}", hint=error.hint) from error
                    some = kept
                else:
                    yield given.rows, vectors
                    break

    def _given(self, images: Sequence[RowImage]) -> RowsToEncode:
        rows: Int64[np.ndarray, " n"] = np.array([image.row for image in images], dtype=np.int64)

        def vectors(offsets: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, "m dim"]:
            snapshot = self._frozen()
            seats = find_rows(snapshot.rows, rows[offsets])
            if (seats < 0).any():
                raise ImageNotFoundError(f"row {rows[offsets][seats < 0][0]} has no vector of version 1")
            return snapshot.vectors(seats)

        return RowsToEncode(
            rows,
            [image.domain for image in images],
            vectors=vectors,
            images=lambda offsets: self._blobs.get_all([images[offset].sha256 for offset in offsets.tolist()]),
        )

    def _living(self) -> set[tuple[int, str]]:
        with self._catalog.reading() as connection:
            return {(image.row, image.sha256) for image in images_by_row(connection, self._space.key)}
