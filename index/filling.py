"""Giving an encoder version a vector of every demonstration, part by part; each part is durable when it is done.

A part is a segment in the version's own folder, published as a seal publishes one: files beside the old ones, flushed,
then the manifest renamed. Whoever fills goes on from where the manifest ends, so dying costs at most a part. Nobody
searches a version that is being filled, and nobody waits for it: writes go on, and what they add is in a later part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from index.blobs.blobs import Blobs
from index.columns import find_rows
from index.durable_files import make_directory, sha256_of, storing
from index.manifest import Manifest, write_manifest
from index.recoding import Recode, RowsToEncode, recoded
from index.sealing import exclusive, sealed, sweep
from index.segments import open_segment
from index.snapshot import Snapshot
from index.space import Space
from index.tail import Part
from invariantselect.errors import ImageNotFoundError, JobCancelledError, StoreCorruptError

__all__ = ["Filling", "Progress", "Stop"]

_ROWS_AT_ONCE = 64
_PART_ROWS = 8192
_PART_SECONDS = 10.0  # what is lost when a process dies, and what an inspection waits for

Progress = Callable[[int, int], None]
"""Called with (demonstrations that have a vector, all demonstrations)."""

Stop = Callable[[], bool]
"""Asked now and then whether to give up."""


@dataclass(frozen=True, eq=False)
class Filling:
    """What filling a space needs.

    Attributes:
        space: Of the encoder version that is filled.
        blobs: Where the images are.
        frozen: Gives the present snapshot of version 1.
        recode: Encodes by the version.
        searched: Says whether the version is live; then it lacks nothing, and its segments are left alone.
    """

    space: Space
    blobs: Blobs
    frozen: Callable[[], Snapshot]
    recode: Recode
    searched: Callable[[], bool]

    def run(self, progress: Progress | None = None, stop: Stop | None = None) -> None:
        """Encode every demonstration that the space lacks.

        Raises:
            JobCancelledError: `stop` said so; what was done so far stays.
            StoreCorruptError: An image or a vector of version 1 is lost.
            InvalidVectorError: `recode` made something else than (n, dim) finite numbers.
            CatalogUnavailableError: The disk is full.
        """
        make_folder(self.space)
        thorough = True
        while True:
            with exclusive(self.space.folder, wait=True):
                if self.searched():
                    return
                snapshot = self.frozen()
                manifest = self.manifest(snapshot, thorough=thorough)
                lacking = lacking_positions(snapshot, manifest)
                if len(lacking):
                    manifest, stopped = self._part(manifest, snapshot, lacking, stop)
                    lacking = lacking[snapshot.rows[lacking] > manifest.sealed_through]
                else:
                    stopped = False
            total = int(np.count_nonzero(snapshot.alive))
            if progress is not None:
                progress(total - len(lacking), total)
            if stopped:
                raise JobCancelledError(f"stopped at {total - len(lacking)} of {total} demonstrations")
            if not len(lacking):
                return
            thorough = False

    def manifest(self, snapshot: Snapshot, *, thorough: bool) -> Manifest:
        """The space's manifest; an empty one, to begin anew, where what it names is damaged or incomplete.

        Args:
            snapshot: Of version 1.
            thorough: Whether every byte is read. A version that is filled was out of use, perhaps for long.
        """
        space = self.space
        try:
            manifest = space.manifest()
            opened = [open_segment(space.folder, entry, space.dim) for entry in manifest.segments]
            files = {name: sha256 for entry in manifest.segments for name, sha256 in entry.files.items()}
            altered = thorough and any(sha256_of(space.folder / name) != files[name] for name in files)
            rows = np.concatenate([np.empty(0, np.int64), *(segment.rows for segment in opened)])
            due = snapshot.rows[snapshot.alive & (snapshot.rows <= manifest.sealed_through)]
            if not altered and (find_rows(rows, due) >= 0).all():
                return manifest
        except (StoreCorruptError, FileNotFoundError):
            pass
        return Manifest(fingerprint=space.fingerprint, dim=space.dim, generation=time.time_ns())

    def encoded(self, snapshot: Snapshot, positions: Int64[np.ndarray, " n"]) -> Part:
        """Rows and vectors of demonstrations, without those that were deleted or replaced since the snapshot.

        Raises:
            StoreCorruptError: An image is lost.
            InvalidVectorError: See `run`.
        """
        while True:
            given = self._given(snapshot, positions)
            try:
                return given.rows, recoded(self.recode, given, self.space.dim)
            except ImageNotFoundError as error:
                now = self.frozen()
                alive = np.isin(given.rows, now.rows[now.alive])
                if alive.all():
                    raise StoreCorruptError(f"an image is lost: {error.detail}", hint=error.hint) from error
                positions = positions[alive]
                if not len(positions):
                    return np.empty(0, np.int64), np.empty((0, self.space.dim), np.float32)

    def _part(
        self, manifest: Manifest, snapshot: Snapshot, lacking: Int64[np.ndarray, " n"], stop: Stop | None
    ) -> tuple[Manifest, bool]:
        """Encode and publish the next part; the new manifest, and whether `stop` ended it."""
        parts: list[Part] = []
        done, until, stopped = 0, time.monotonic() + _PART_SECONDS, False
        while done < min(len(lacking), _PART_ROWS) and time.monotonic() < until:
            stopped = stop is not None and stop()
            if stopped:
                break
            parts.append(self.encoded(snapshot, lacking[done : done + _ROWS_AT_ONCE]))
            done += _ROWS_AT_ONCE
        if not done:
            return manifest, stopped
        living = snapshot.rows[snapshot.alive]
        through = int(snapshot.rows[lacking[min(done, len(lacking)) - 1]])
        segments = sealed(self.space.folder, manifest, living, [part for part in parts if len(part[0])])
        manifest = manifest.next(segments, sealed_through=through, version=snapshot.version)
        write_manifest(self.space.folder, manifest)
        sweep(self.space.folder, manifest)
        return manifest, stopped

    def _given(self, snapshot: Snapshot, positions: Int64[np.ndarray, " n"]) -> RowsToEncode:
        hashes = [bytes(sha256).decode() for sha256 in snapshot.sha256[positions]]
        return RowsToEncode(
            snapshot.rows[positions],
            [snapshot.domains.value(position) for position in positions.tolist()],
            vectors=lambda offsets: snapshot.vectors(positions[offsets]),
            images=lambda offsets: self.blobs.get_all([hashes[offset] for offset in offsets.tolist()]),
        )


def lacking_positions(snapshot: Snapshot, manifest: Manifest) -> Int64[np.ndarray, " n"]:
    """Positions of the demonstrations that a space with this manifest has no vector of, ascending."""
    return np.flatnonzero(snapshot.alive & (snapshot.rows > manifest.sealed_through))


def make_folder(space: Space) -> None:
    """Make the folder of a space, durably, if it isn't there.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    with storing(space.folder):
        make_directory(space.folder, below=space.pool_folder.parent)
