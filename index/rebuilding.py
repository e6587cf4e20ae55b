"""Making the vectors of an encoder version anew: from its images, or from the vectors that there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from index.blobs.blobs import Blobs
from index.catalog.demonstration_rows import images_by_row
from index.catalog.engine import Catalog
from index.filling import make_folder
from index.keeping import LOST, kept
from index.proposers.choosing import with_proposer
from index.proposers.kind import Tick, untold
from index.publishing import Rebuilt, publish, require_live
from index.rebuild_folder import rebuilding
from index.rebuilt_vectors import RebuiltVectors
from index.recoding import Recode
from index.sealing import exclusive
from index.segments import write_segment
from index.snapshot import Snapshot
from index.space import Space
from invariantselect.errors import StoreCorruptError

__all__ = ["rebuild"]


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
    """Encode every demonstration of a pool and swap the new segment in at once. Waits for another rebuild of the space.

    What is written meanwhile is sealed as ever, and kept. Where vectors are encoded, the old manifest and its segments
    are not needed, so they may be lost.

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
        EncoderVersionNotFoundError, PoolNotAdaptedError: The encoder version doesn't serve, or doesn't any more.
        StoreCorruptError: An image, or a vector that was to be kept, is lost or was altered; nothing is changed.
        InvalidVectorError: `recode` returned something else than (n, dim) finite numbers; nothing is changed.
        CatalogUnavailableError: The database doesn't answer, or the disk is full.
    """
    with catalog.reading() as connection:
        require_live(connection, space, name)
    made = None if recode is None else RebuiltVectors(catalog, blobs, space, recode, frozen)
    make_folder(space)
    with rebuilding(space) as folder:
        making = _Making(catalog, space, name, folder)
        rebuilt = making.kept() if made is None else making.encoded(made, Rebuilt())
        if recall is not None:
            halves = [with_proposer(folder, entry, space.dim, recall, tick) for entry in rebuilt.segments]
            rebuilt = replace(rebuilt, segments=tuple(halves), recall=recall)
        while not publish(catalog, space, name, rebuilt, folder):
            if made is None:
                raise StoreCorruptError(f"vectors of the pool {name!r} were lost meanwhile", hint=LOST)
            rebuilt = making.encoded(made, rebuilt)


@dataclass(frozen=True)
class _Making:
    """Writes segments into a folder of the rebuild's own."""

    catalog: Catalog
    space: Space
    name: str
    folder: Path

    def kept(self) -> Rebuilt:
        """All vectors, as they are."""
        # A seal would take files away that are being copied.
        with exclusive(self.space.folder, wait=True):
            with self.catalog.reading() as connection:
                pool = require_live(connection, self.space, self.name)  # after the wait for another rebuild
                parts, expected = kept(connection, self.space, self.name)
            entry = write_segment(self.folder, parts, self.space.dim, expected=expected)
        return Rebuilt(() if entry is None else (entry,), pool.next_row - 1, pool.version)

    def encoded(self, made: RebuiltVectors, before: Rebuilt) -> Rebuilt:
        """What was made before, with the vectors of all that is written by now behind it."""
        with self.catalog.reading() as connection:
            pool = require_live(connection, self.space, self.name)
            images = [image for image in images_by_row(connection, self.space.key) if image.row > before.through]
        entry = write_segment(self.folder, made.parts(images), self.space.dim, expected=len(images))
        segments = before.segments if entry is None else (*before.segments, entry)
        return replace(before, segments=segments, through=pool.next_row - 1, version=pool.version)
