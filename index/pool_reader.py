"""The reading half of a pool: snapshots to search, and demonstrations by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from index.blobs.blobs import Blobs
from index.catalog.demonstration_rows import LabelCount, count_labels, image_of, page_after, stored_by_id
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, get_pool, present_version
from index.catalog.version_rows import all_versions, live_versions
from index.demonstration import Demonstration, Probe
from index.encoder_version import FROZEN, EncoderVersion
from index.manifest import Manifest
from index.metadata import metadata_text
from index.snapshot import Snapshot
from index.snapshot_cache import SnapshotCache, Snapshots
from index.space import Space
from invariantselect.errors import (
    DemonstrationNotFoundError,
    ImageNotFoundError,
    StoreCorruptError,
)

__all__ = ["PoolReader", "Snapshots", "StoredImage", "Summary"]


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


class PoolReader:
    """What a pool can be asked. Thread-safe; what other threads and processes write is seen by the next call.

    Attributes:
        key: Names the pool's folder.
        name: Of the pool.
        encoder: Name of the encoder that it was made with: its version 1.
        fingerprint: Of that encoder.
        dim: Length of its vectors.
        created_at: In UTC.
    """

    def __init__(self, catalog: Catalog, blobs: Blobs, folder: Path, row: PoolRow) -> None:
        self.key = row.key
        self.name = row.name
        self.encoder = row.encoder
        self.fingerprint = row.fingerprint
        self.dim = row.dim
        self.created_at = row.created_at
        self._catalog = catalog
        self._blobs = blobs
        self._folder = folder
        self._snapshots = SnapshotCache(catalog, folder, row)
        self._summary: Summary | None = None

    def versions(self) -> list[EncoderVersion]:
        """All encoder versions, in ascending order of numbers.

        Raises:
            PoolNotFoundError: The pool was dropped.
        """
        with self._catalog.reading() as connection:
            get_pool(connection, self.key, self.name)
            return all_versions(connection, self.key)

    def live(self) -> list[EncoderVersion]:
        """Those that a new demonstration needs vectors of: number 1, and the serving one if there is one.

        Raises:
            PoolNotFoundError: The pool was dropped.
        """
        with self._catalog.reading() as connection:
            get_pool(connection, self.key, self.name)
            return live_versions(connection, self.key)

    def serving(self) -> EncoderVersion | None:
        """The adapted version that serves; None before any adaptation, or after a switch to number 1."""
        return next((version for version in self.live() if version.state == "serving"), None)

    def snapshot(self, number: int | None = None, *, wait: bool = True) -> Snapshot:
        """The pool as it stands now; the same object as before when nothing was written since.

        Args:
            number: In the space of which encoder version; of number 1 for None.
            wait: False for who answers queries: where a large pool was only arranged anew since, the snapshot before
                is given while another thread loads the present one.

        Raises:
            PoolNotAdaptedError: This encoder version isn't live: not yet, or not any more.
            EncoderVersionNotFoundError: There is no such encoder version.
            PoolNotFoundError: The pool was dropped.
            StoreCorruptError: A vector or a file is lost or damaged.
            CatalogUnavailableError: The database doesn't answer.
        """
        return self._snapshots.one(FROZEN if number is None else number, wait=wait)

    def snapshots(self, *, wait: bool = True) -> Snapshots:
        """The pool as it stands now in the spaces of all live encoder versions, as of one moment.

        Args:
            wait: As in `snapshot`; a switch from one adapted encoder version to another counts, too.

        Raises:
            PoolNotFoundError: The pool was dropped.
            StoreCorruptError: A vector or a file is lost or damaged.
            CatalogUnavailableError: The database doesn't answer.
        """
        return self._snapshots.together(wait=wait)

    def last_snapshot(self) -> Snapshot | None:
        """The newest snapshot that this process has loaded, for when the catalog doesn't answer; None before any.

        It may lack what was written since. Nothing that writes may go by it.
        """
        return self._snapshots.last_one()

    def last_snapshots(self) -> Snapshots | None:
        """The newest of one moment in the spaces of all live encoder versions, likewise."""
        return self._snapshots.last_together()

    def last_known(self, id: str) -> Demonstration | None:
        """A demonstration as the newest snapshot that was loaded has it, likewise; None where it has none."""
        snapshot = self.last_snapshot()
        position = None if snapshot is None else snapshot.position_of(id)
        return None if snapshot is None or position is None else snapshot.demonstration(position)

    def catch_up(self, version: int) -> bool:
        """Load the snapshots that are held anew if they are older than a version; whether they were.

        Raises:
            StoreCorruptError, PoolNotFoundError, CatalogUnavailableError: As `snapshots`.
        """
        return self._snapshots.catch_up(version)

    def manifest(self, version: EncoderVersion) -> Manifest:
        """What is sealed of an encoder version, and how it is searched; an empty one before the first seal.

        Raises:
            StoreCorruptError: It was altered, or is of another format.
        """
        return Space.of(self.key, self._folder, version).manifest()

    def version(self) -> int:
        """The number of the present snapshot, without loading it.

        Raises:
            PoolNotFoundError: It was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        return self._version()

    def summary(self) -> Summary:
        """Version, and how many demonstrations there are by label and domain; without loading the pool. Counted once a
        version: it takes 2 ms for 1,000 demonstrations."""
        with self._catalog.reading() as connection:
            version = get_pool(connection, self.key, self.name).version
            known = self._summary
            if known is None or known.version != version:
                known = self._summary = Summary(version, count_labels(connection, self.key))
        return known

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

    def content(self, sha256: str) -> bytes:
        """An image file by its hash, checked against it: for who reads many images of one snapshot.

        Raises:
            ImageNotFoundError: It isn't stored: lost, or no demonstration has it any more.
            StoreCorruptError: It was altered, or can't be read.
        """
        return self._blobs.get(sha256)

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

    def _missing(self, id: str) -> DemonstrationNotFoundError:
        return DemonstrationNotFoundError(f"the pool {self.name!r} has no demonstration {id!r}", id=id)

    def _version(self) -> int:
        return present_version(self._catalog, self.key, self.name)


def _agrees(probe: Probe, stored: Demonstration) -> bool:
    words = (stored.sha256, stored.label, stored.domain, stored.group)
    return (probe.sha256, probe.label, probe.domain, probe.group) == words and metadata_text(
        probe.metadata
    ) == metadata_text(stored.metadata)
