"""A pool: demonstrations that can be written, and searched by way of snapshots."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from sqlalchemy import Connection

from index import transactions
from index.blobs import Blobs
from index.catalog.demonstration_rows import (
    LabelCount,
    count_churn,
    count_labels,
    image_of,
    page_after,
    referenced,
    stored_by_id,
)
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, get_pool
from index.checking import check_changes, check_entry, check_fingerprint
from index.demonstration import Changes, Demonstration, Entry, Outcome, Probe
from index.manifest import read_manifest
from index.metadata import metadata_text
from index.refresh import refreshed
from index.sealing import exclusive, seal
from index.snapshot import Snapshot
from index.transactions import NewDemonstration, Written
from invariantselect.errors import (
    DemonstrationNotFoundError,
    ImageNotFoundError,
    InvariantSelectError,
    PoolNotFoundError,
    StoreCorruptError,
)

__all__ = ["Changes", "Demonstration", "Entry", "Outcome", "Pool", "Probe", "StoredImage", "Summary"]

SEAL_AT = 4096


class StoredImage(NamedTuple):
    """An image file as it was given."""

    content: bytes
    media_type: str
    sha256: str


@dataclass(frozen=True)
class Summary:
    """A pool at one version, in numbers.

    Attributes:
        version: Of the pool.
        counts: How many demonstrations each label has in each domain.
    """

    version: int
    counts: list[LabelCount]

    @property
    def demonstrations(self) -> int:
        """How many demonstrations there are."""
        return sum(each.count for each in self.counts)


class Pool:
    """One pool. Thread-safe; what other processes write is seen by the next call. Opened by `index.pools.Pools`.

    Every write is one transaction: durable when the method returns, and not begun when it raises.
    """

    def __init__(self, catalog: Catalog, blobs: Blobs, folder: Path, row: PoolRow, *, seal_at: int = SEAL_AT) -> None:
        self.key = row.key
        self.name = row.name
        self.encoder = row.encoder
        self.fingerprint = row.fingerprint
        self.dim = row.dim
        self.created_at = row.created_at
        self._catalog = catalog
        self._blobs = blobs
        self._folder = folder
        self._seal_at = seal_at
        self._refreshing = threading.Lock()
        self._snapshot: Snapshot | None = None

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> Snapshot:
        """The pool as it stands now; the same object as before when nothing was written since.

        Raises:
            PoolNotFoundError: It was dropped.
            StoreCorruptError: A vector or a file is lost or damaged.
            CatalogUnavailableError: The database doesn't answer.
        """
        version = self._version()
        snapshot = self._snapshot
        if snapshot is not None and snapshot.version >= version:
            return snapshot
        with self._refreshing:
            if self._snapshot is None or self._snapshot.version < version:
                self._snapshot = refreshed(self._catalog, self._folder, self.key, self.name, self._snapshot)
            return self._snapshot

    def summary(self) -> Summary:
        """Version, and how many demonstrations there are by label and domain; without loading the pool."""
        with self._catalog.reading() as connection:
            row = get_pool(connection, self.key, self.name)
            return Summary(row.version, count_labels(connection, self.key))

    def get(self, ids: Sequence[str]) -> list[Demonstration | None]:
        """The demonstrations with these ids, in their order; None for one that doesn't exist."""
        with self._catalog.reading() as connection:
            found = stored_by_id(connection, self.key, ids)
        return [found[id].demonstration if id in found else None for id in ids]

    def page(self, after_id: str | None, limit: int) -> list[Demonstration]:
        """Up to `limit` demonstrations in ascending order of ids, behind `after_id`; from the first for None."""
        with self._catalog.reading() as connection:
            return page_after(connection, self.key, after=after_id, limit=limit)

    def unchanged(self, probes: Sequence[Probe]) -> list[bool]:
        """Whether writing each of these would change nothing."""
        with self._catalog.reading() as connection:
            found = stored_by_id(connection, self.key, (probe.id for probe in probes))
        return [probe.id in found and _agrees(probe, found[probe.id].demonstration) for probe in probes]

    def image(self, id: str) -> StoredImage:
        """A demonstration's image file, its content checked against its hash.

        Raises:
            DemonstrationNotFoundError: There is none with this id.
            StoreCorruptError: The image is lost or was altered.
        """
        seen = None
        while True:
            with self._catalog.reading() as connection:
                found = image_of(connection, self.key, id)
            if found is None:
                raise self._missing(id)
            sha256, media_type = found
            try:
                return StoredImage(self._blobs.get(sha256), media_type, sha256)
            except ImageNotFoundError as error:
                if sha256 == seen:  # not replaced in the meantime, so lost
                    raise StoreCorruptError(f"the image of {id!r} is lost", hint=error.hint) from error
                seen = sha256

    def vector_of(self, id: str) -> Float32[np.ndarray, " dim"]:
        """A demonstration's vector.

        Raises:
            DemonstrationNotFoundError: There is none with this id.
        """
        snapshot = self.snapshot()
        position = snapshot.position_of(id)
        if position is None:
            raise self._missing(id)
        vector: Float32[np.ndarray, " dim"] = snapshot.vectors(np.array([position], dtype=np.int64))[0]
        return vector

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

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
            self._store(images.values())
            with self._writing() as (connection, row):
                # Between storing and this lock another process may have deleted the last use of an image.
                self._store(image for sha256, image in images.items() if not self._blobs.holds(sha256))
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

    def _seal(self, *, wait: bool) -> None:
        self._version()  # the folder of a pool that was dropped mustn't be made again
        self._folder.mkdir(exist_ok=True)
        with exclusive(self._folder, wait=wait) as held:
            if held:
                seal(self._catalog, self._folder, self.key, self.name)

    def _version(self) -> int:
        version = self._catalog.version_of(self.key)
        if version is None:
            raise PoolNotFoundError(f"the pool {self.name!r} was dropped", pool=self.name)
        return version

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, PoolRow]]:
        with self._catalog.writing() as connection:
            yield connection, get_pool(connection, self.key, self.name)

    def _first_row(self, row: PoolRow) -> int:
        # A catalog restored from a backup is behind the manifest; rows that were sealed since mustn't be given again.
        manifest = read_manifest(self._folder, fingerprint=self.fingerprint, dim=self.dim)
        return max(row.next_row, manifest.sealed_through + 1)

    def _store(self, images: Iterable[bytes]) -> None:
        for image in images:
            self._blobs.put(image)

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

    def _missing(self, id: str) -> DemonstrationNotFoundError:
        return DemonstrationNotFoundError(f"the pool {self.name!r} has no demonstration {id!r}", id=id)


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


def _agrees(probe: Probe, stored: Demonstration) -> bool:
    words = (stored.sha256, stored.label, stored.domain, stored.group)
    return (probe.sha256, probe.label, probe.domain, probe.group) == words and metadata_text(
        probe.metadata
    ) == metadata_text(stored.metadata)
