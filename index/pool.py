"""A pool: demonstrations that can be written, and searched by way of snapshots."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from index import transactions
from index.blobs.blobs import Blobs
from index.catalog.demonstration_rows import count_churn
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow
from index.catalog.version_rows import all_versions
from index.checking import check_changes, check_entry, check_fingerprints
from index.demonstration import Changes, Demonstration, Entry, Outcome, Probe
from index.encoder_version import FROZEN, EncoderVersion
from index.kept_columns import Trust, keep_columns
from index.moving import moved
from index.pool_reader import Snapshots, StoredImage, Summary
from index.proposers.kind import Tick, untold
from index.rebuilding import rebuild
from index.recoding import Recode, RecodeFor
from index.removing import remove_unused
from index.sealing import exclusive, seal
from index.transactions import Moving, NewDemonstration, VectorsMissingError, Written
from index.versioned_pool import VersionedPool
from invariantselect.errors import (
    CatalogUnavailableError,
    InvariantSelectError,
    StoreCorruptError,
)

__all__ = [
    "Changes",
    "Demonstration",
    "EncoderVersion",
    "Entry",
    "Outcome",
    "Pool",
    "Probe",
    "Snapshots",
    "StoredImage",
    "Summary",
]

SEAL_AT = 4096
_log = logging.getLogger("index.pool")


class Pool(VersionedPool):
    """One pool. Thread-safe; what other processes write is seen by the next call. Opened by `index.pools.Pools`.

    Every write is one transaction: durable when the method returns, and not begun when it raises.
    """

    def __init__(self, catalog: Catalog, blobs: Blobs, folder: Path, row: PoolRow, *, seal_at: int = SEAL_AT) -> None:
        super().__init__(catalog, blobs, folder, row)
        self._seal_at = seal_at

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Insert or replace demonstrations: created, replaced (another image), updated (other words) or unchanged.

        An entry that can't be stored fails by itself; the others go in.

        Raises:
            FingerprintMismatchError: An entry has no vector of the pool's own encoder; nothing is written.
            EncoderVersionChangedError: An entry has no vector of the version that serves by now; nothing is written.
                Encode by the encoders of `live` and write again.
            PoolNotFoundError: It was dropped.
            CatalogUnavailableError: The database doesn't answer, or the disk is full; nothing is written.
        """
        versions = self.versions()
        for entry in entries:
            check_fingerprints(entry.vectors.keys(), [version for version in versions if version.live])
        outcomes: dict[int, Outcome] = {}
        images: dict[str, bytes] = {}
        new: dict[int, NewDemonstration] = {}
        for number, entry in enumerate(entries):
            try:
                check_entry(entry, versions)
            except InvariantSelectError as error:
                outcomes[number] = Outcome(entry.id, "failed", error)
                continue
            sha256 = hashlib.sha256(entry.image).hexdigest()
            images[sha256] = entry.image
            new[number] = NewDemonstration(_demonstration(entry, sha256), entry.vectors)
        if new:
            self._version()
            self._blobs.put_all(images.values())
            with self._writing() as (connection, row):
                # Between storing and this lock another process may have deleted the last use of an image.
                self._blobs.put_missing(images)
                versions = all_versions(connection, self.key)
                for entry in entries:  # a switch may have come in between
                    check_fingerprints(entry.vectors.keys(), [version for version in versions if version.live])
                first_row = self._first_row(row, versions)
                written = transactions.upsert(connection, row, versions, list(new.values()), first_row=first_row)
            outcomes.update(zip(new, written.outcomes, strict=True))
            self._after(written)
        return [outcomes[number] for number in range(len(entries))]

    def patch(self, changes: Mapping[str, Changes], *, vectors_for: RecodeFor | None = None) -> list[Outcome]:
        """Change label, domain, group or metadata by id: updated, unchanged, or failed where there is no such id.

        Where an encoder version looks at domains, a new domain gives a demonstration a new row with new vectors; those
        of versions that don't are kept.

        Args:
            changes: By id.
            vectors_for: What encodes by an encoder version; asked only where such a version is live and a domain
                changes.

        Raises:
            EncoderVersionChangedError: New vectors are needed, and `vectors_for` wasn't given; nothing is changed.
            PoolNotFoundError: It was dropped.
            CatalogUnavailableError: The database doesn't answer, or the disk is full; nothing is changed.
        """
        failed: dict[str, Outcome] = {}
        for id, values in changes.items():
            try:
                check_changes(values)
            except InvariantSelectError as error:
                failed[id] = Outcome(id, "failed", error)
        sound = {id: values for id, values in changes.items() if id not in failed}
        moving: dict[str, Moving] = {}
        while True:
            try:
                written = self._patched(sound, moving)
                break
            except VectorsMissingError as missing:  # outside of the write lock, they are made
                moving = {**moving, **moved(self, self._blobs, missing.moving, vectors_for)}
        self._after(written)
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

    def rebuild(
        self, recode: Recode | None, number: int = FROZEN, *, recall: float | None = None, tick: Tick = untold
    ) -> None:
        """Make one segment of a live encoder version anew, for vectors that are lost or damaged; swapped in at once.

        Searches, writes and seals go on meanwhile. Afterwards the pool has a new version.

        Args:
            recode: Encodes by the encoder version. Number 1 is made from the images; another may be made from number 1.
                None keeps the vectors that there are, after comparing their checksums.
            number: Of the encoder version.
            recall: From a size on at which that is faster, let searches without a filter find this share of the nearest
                demonstrations, above 0 and below 1. None: all of them.
            tick: Called every second or so while an approximate half is made; what it raises ends the rebuild.

        Raises:
            PoolNotAdaptedError: The encoder version isn't live, or not any more: a switch to it makes it anew.
            EncoderVersionNotFoundError: There is no such encoder version.
            PoolNotFoundError: The pool was dropped.
            StoreCorruptError: An image, or a vector that was to be kept, is lost or was altered; nothing is changed.
            InvalidVectorError: The vectors don't fit the pool; nothing is changed.
            CatalogUnavailableError: The database doesn't answer, or the disk is full.
        """
        space = self._space(self._find(number))
        rebuild(
            self._catalog, self._blobs, space, self.name, recode=recode, frozen=self.snapshot, recall=recall, tick=tick
        )
        if number == FROZEN:
            with exclusive(space.folder, wait=True):
                # Who makes vectors anew from the images mends what is damaged: SQL alone is believed then.
                self._keep_columns("checksum" if recode is None else "nothing")

    def _seal(self, *, wait: bool) -> None:
        for version in self.live():
            space = self._folder_of(version)
            with exclusive(space.folder, wait=wait) as held:
                if held:
                    seal(self._catalog, space, self.name)
                    if version.number == FROZEN:
                        self._keep_columns("header")

    def _keep_columns(self, trust: Trust) -> None:
        """The pool's own folder is held."""
        try:
            keep_columns(self._catalog, self._folder, self.key, self.name, trust=trust)
        except CatalogUnavailableError as error:
            _log.warning("the pool %s will be opened from the catalog alone: %s", self.name, error.detail)

    def _patched(self, changes: Mapping[str, Changes], moving: Mapping[str, Moving]) -> Written:
        with self._writing() as (connection, row):
            versions = all_versions(connection, self.key)
            first_row = self._first_row(row, versions) if moving else row.next_row
            return transactions.patch(connection, row, versions, changes, moving, first_row=first_row)

    def _first_row(self, row: PoolRow, versions: Sequence[EncoderVersion]) -> int:
        # A catalog restored from a backup is behind the manifests; rows that were sealed since mustn't be given again.
        rows = [row.next_row]
        for version in versions:
            try:
                rows.append(self._space(version).manifest().sealed_through + 1)
            except StoreCorruptError:
                if version.live:
                    raise  # another is made anew before it is searched
        return max(rows)

    def _after(self, written: Written) -> None:
        """Tidy up behind a write that is durable already: whatever goes wrong now, the write took place."""
        try:
            self._tidy_up(written)
        except (CatalogUnavailableError, StoreCorruptError, OSError) as error:
            _log.warning("the pool %s can't be tidied up after a write; it goes on: %s", self.name, error)

    def _tidy_up(self, written: Written) -> None:
        if written.freed:
            with self._catalog.writing() as connection:
                refused = remove_unused(connection, self._blobs, sorted(written.freed))
            if refused is not None:
                raise refused
        spaces = [self._space(version) for version in self.live()]
        with self._catalog.reading() as connection:
            churn = [count_churn(connection, space, since=space.manifest().version) for space in spaces]
        if max(churn, default=0) >= self._seal_at:
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
