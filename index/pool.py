"""A pool: demonstrations that can be written, and searched by way of snapshots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from index import transactions
from index.blobs import Blobs
from index.catalog.demonstration_rows import (
    count_churn,
    referenced,
)
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, get_pool
from index.checking import check_changes, check_entry, check_fingerprint
from index.demonstration import Changes, Demonstration, Entry, Outcome, Probe
from index.manifest import read_manifest
from index.pool_reader import PoolReader, StoredImage, Summary
from index.rebuilding import Encode, rebuild
from index.sealing import exclusive, seal
from index.transactions import NewDemonstration, Written
from invariantselect.errors import (
    InvariantSelectError,
)

__all__ = ["Changes", "Demonstration", "Entry", "Outcome", "Pool", "Probe", "StoredImage", "Summary"]

SEAL_AT = 4096


class Pool(PoolReader):
    """One pool. Thread-safe; what other processes write is seen by the next call. Opened by `index.pools.Pools`.

    Every write is one transaction: durable when the method returns, and not begun when it raises.
    """

    def __init__(self, catalog: Catalog, blobs: Blobs, folder: Path, row: PoolRow, *, seal_at: int = SEAL_AT) -> None:
        super().__init__(catalog, blobs, folder, row)
        self._row = row
        self._seal_at = seal_at

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Insert or replace demonstrations: created, replaced (another image), updated (other words) or unchanged.

        An entry that can't be stored fails by itself; the others go in.

        Raises:
            FingerprintMismatchError: A vector comes from another encoder than the pool's; nothing is written.
            PoolNotFoundError: It was dropped.
            CatalogUnavailableError: The database doesn't answer, or the disk is full; nothing is written.
        """
        for entry in entries:
            check_fingerprint(entry.fingerprint, self.fingerprint)
        outcomes: dict[int, Outcome] = {}
        images: dict[str, bytes] = {}
        new: dict[int, NewDemonstration] = {}
        for number, entry in enumerate(entries):
            try:
                check_entry(entry, self.dim)
            except InvariantSelectError as error:
                outcomes[number] = Outcome(entry.id, "failed", error)
                continue
            sha256 = hashlib.sha256(entry.image).hexdigest()
            images[sha256] = entry.image
            new[number] = NewDemonstration(_demonstration(entry, sha256), entry.vector)
        if new:
            self._version()
            self._blobs.put_all(images.values())
            with self._writing() as (connection, row):
                # Between storing and this lock another process may have deleted the last use of an image.
                self._blobs.put_all([image for sha256, image in images.items() if not self._blobs.holds(sha256)])
                written = transactions.upsert(connection, row, list(new.values()), first_row=self._first_row(row))
            outcomes.update(zip(new, written.outcomes, strict=True))
            self._after(written)
        return [outcomes[number] for number in range(len(entries))]

    def patch(self, changes: Mapping[str, Changes]) -> list[Outcome]:
        """Change label, domain, group or metadata by id: updated, unchanged, or failed where there is no such id.

        Raises:
            PoolNotFoundError: It was dropped.
            CatalogUnavailableError: The database doesn't answer, or the disk is full; nothing is changed.
        """
        failed: dict[str, Outcome] = {}
        for id, values in changes.items():
            try:
                check_changes(values)
            except InvariantSelectError as error:
                failed[id] = Outcome(id, "failed", error)
        with self._writing() as (connection, row):
            sound = {id: values for id, values in changes.items() if id not in failed}
            written = transactions.patch(connection, row, sound)
        done = {outcome.id: outcome for outcome in written.outcomes}
        return [failed.get(id) or done[id] for id in changes]

    def delete(self, ids: Sequence[str]) -> list[Outcome]:
        """Delete demonstrations: deleted, or failed where there is no such id.

        Raises:
            PoolNotFoundError: It was dropped.
            CatalogUnavailableError: The database doesn't answer; nothing is deleted.
        """
        with self._writing() as (connection, row):
            written = transactions.delete(connection, row, ids)
        self._after(written)
        return written.outcomes

    def seal(self) -> None:
        """Put what was written lately away into segments, waiting for another process that is doing so.

        Happens by itself every few thousand writes; changes neither the version nor any answer.

        Raises:
            PoolNotFoundError: It was dropped.
            StoreCorruptError: A vector is lost or damaged; nothing is changed.
            CatalogUnavailableError: The database doesn't answer, or the disk is full.
        """
        self._seal(wait=True)

    def rebuild(self, encode: Encode) -> None:
        """Make all segments anew from the images, for vectors that are lost or damaged; swapped in at once.

        Searches and writes go on meanwhile. Afterwards there is a new version.

        Args:
            encode: Image files to their vectors, by the encoder whose fingerprint the pool has.

        Raises:
            PoolNotFoundError: It was dropped.
            StoreCorruptError: An image is lost or was altered; nothing is changed.
            InvalidVectorError: The vectors don't fit the pool; nothing is changed.
            CatalogUnavailableError: The database doesn't answer, or the disk is full.
        """
        self._version()
        self._folder.mkdir(exist_ok=True)
        with exclusive(self._folder, wait=True):
            rebuild(self._catalog, self._blobs, self._folder, self._row, encode)

    def _seal(self, *, wait: bool) -> None:
        self._version()  # the folder of a pool that was dropped mustn't be made again
        self._folder.mkdir(exist_ok=True)
        with exclusive(self._folder, wait=wait) as held:
            if held:
                seal(self._catalog, self._folder, self.key, self.name)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, PoolRow]]:
        with self._catalog.writing() as connection:
            yield connection, get_pool(connection, self.key, self.name)

    def _first_row(self, row: PoolRow) -> int:
        # A catalog restored from a backup is behind the manifest; rows that were sealed since mustn't be given again.
        manifest = read_manifest(self._folder, fingerprint=self.fingerprint, dim=self.dim)
        return max(row.next_row, manifest.sealed_through + 1)

    def _after(self, written: Written) -> None:
        if written.freed:
            with self._catalog.writing() as connection:  # no upsert can begin to use an image while this is held
                for sha256 in written.freed - referenced(connection, sorted(written.freed)):
                    self._blobs.discard(sha256)
        with self._catalog.reading() as connection:
            manifest = read_manifest(self._folder, fingerprint=self.fingerprint, dim=self.dim)
            due = count_churn(connection, self.key, since=manifest.version) >= self._seal_at
        if due:
            self._seal(wait=False)


def _demonstration(entry: Entry, sha256: str) -> Demonstration:
    return Demonstration(
        id=entry.id,
        label=entry.label,
        domain=entry.domain,
        group=entry.group,
        metadata=entry.metadata,
        sha256=sha256,
        media_type=entry.header.media_type,
        width=entry.header.width,
        height=entry.header.height,
    )
