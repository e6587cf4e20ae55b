"""New vectors for demonstrations whose domain changes, where encoder versions look at domains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64

from index.blobs.blobs import Blobs
from index.columns import find_rows
from index.encoder_version import EncoderVersion
from index.pool_reader import PoolReader
from index.recoding import RecodeFor, RowsToEncode, recoded
from index.snapshot import Snapshot
from index.transactions import Moving
from invariantselect.errors import (
    EncoderVersionChangedError,
    ImageNotFoundError,
    PoolNotAdaptedError,
    StoreCorruptError,
)

__all__ = ["moved"]


def moved(
    pool: PoolReader, blobs: Blobs, moving: Mapping[str, Moving], vectors_for: RecodeFor | None
) -> dict[str, Moving]:
    """The same with their vectors of each live encoder version, by their new domains; without those that are gone.

    Nobody is kept from writing meanwhile, so what comes of this may be out of date when it is used.

    Args:
        pool: Whose demonstrations they are.
        blobs: Where the images are.
        moving: By id.
        vectors_for: What encodes by an encoder version; None where nothing can.

    Raises:
        EncoderVersionChangedError: A version looks at domains and `vectors_for` is None.
        InvalidVectorError: What was encoded doesn't fit.
        StoreCorruptError: An image is lost.
    """
    given = dict(moving)
    made: dict[str, dict[str, Float32[np.ndarray, " _"]]] = {id: {} for id in given}
    try:
        for version in pool.live():
            snapshot = pool.snapshot(version.number)
            seats = find_rows(snapshot.rows, _rows(given))
            given = {id: each for (id, each), seat in zip(given.items(), seats.tolist(), strict=True) if seat >= 0}
            vectors = _Given(pool, blobs, given).vectors(version, snapshot, vectors_for)
            for id, vector in zip(given, vectors, strict=True):
                made[id][version.fingerprint] = vector
    except PoolNotAdaptedError:
        return {}  # switched since: what is needed now is asked for again
    except ImageNotFoundError as error:
        now = pool.snapshot()
        if np.isin(_rows(given), now.rows[now.alive]).all():
            raise StoreCorruptError(f"an image is lost: {error.detail}", hint=error.hint) from error
        return {}  # deleted since
    return {id: replace(each, vectors=made[id]) for id, each in given.items()}


def _rows(given: Mapping[str, Moving]) -> Int64[np.ndarray, " n"]:
    return np.array([each.row for each in given.values()], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Given:
    pool: PoolReader
    blobs: Blobs
    moving: Mapping[str, Moving]

    def vectors(
        self, version: EncoderVersion, snapshot: Snapshot, vectors_for: RecodeFor | None
    ) -> Float32[np.ndarray, "n dim"]:
        rows = _rows(self.moving)
        if not version.looks_at_domains or not len(rows):
            return snapshot.vectors(find_rows(snapshot.rows, rows))
        if vectors_for is None:
            raise EncoderVersionChangedError(
                f"the vectors of encoder version {version.number} of the pool {self.pool.name!r} depend on domains",
                hint="Give vectors_for, which makes vectors for the new domain.",
            )
        domains = [each.domain for each in self.moving.values()]
        given = RowsToEncode(rows, domains, vectors=self._of_version_1, images=self._images)
        return recoded(vectors_for(version), given, version.dim)

    def _of_version_1(self, offsets: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, "m dim"]:
        frozen = self.pool.snapshot()
        seats = find_rows(frozen.rows, _rows(self.moving)[offsets])
        if (seats < 0).any():
            raise ImageNotFoundError("a demonstration was deleted meanwhile")
        return frozen.vectors(seats)

    def _images(self, offsets: Int64[np.ndarray, " m"]) -> list[bytes]:
        hashes = [each.sha256 for each in self.moving.values()]
        return self.blobs.get_all([hashes[offset] for offset in offsets.tolist()])
