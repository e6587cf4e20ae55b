"""What an adaptation or an evaluation works on: chosen by its first attempt, and the same in each that follows."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from encoders.adaptation.examples import Examples
from encoders.decode import DecodeLimits, decode
from index.columns import find_rows
from index.durable_files import write_durably
from index.pool import Pool
from index.snapshot import Snapshot
from invariantselect.errors import StoreCorruptError

__all__ = ["LearningSet", "choose"]

_FILE = "learning-set.npz"
_WORK = "work"
"""Name of the folder, in a job's folder, in which it keeps what it has made of them: checkpoints and the like."""


@dataclass(frozen=True, eq=False)
class LearningSet:
    """Demonstrations of a snapshot, by their places in it.

    Attributes:
        snapshot: Of version 1.
        positions: (n,) int64, ascending.
        since: Version of the pool when they were chosen.
        work: Where is kept what was made of them; removed when they change.
    """

    snapshot: Snapshot
    positions: NDArray[np.int64]
    since: int
    work: Path

    def examples(self, pool: Pool, limits: DecodeLimits) -> Examples:
        """With vectors, words and images; an image is read and decoded when it is asked for.

        Args:
            pool: Where the images are.
            limits: How large one may be.
        """
        snapshot, places = self.snapshot, self.positions.tolist()
        hashes = [each.decode() for each in snapshot.sha256[self.positions].tolist()]
        return Examples(
            snapshot.vectors(self.positions),
            [snapshot.labels.value(place) or "" for place in places],
            [snapshot.domains.value(place) for place in places],
            [snapshot.groups.value(place) for place in places],
            lambda number: decode(pool.content(hashes[number]), limits),
            hashes,
        )

    def still_there(self, pool: Pool) -> bool:
        """Whether the pool has all of them as they are: none deleted, none with another image or other words."""
        now = pool.snapshot()
        found = _found(now, self.snapshot.rows[self.positions])
        return found is not None and _digest(now, found) == _digest(self.snapshot, self.positions)


def choose(pool: Pool, folder: Path, log: Callable[[str], None]) -> LearningSet:
    """All demonstrations that the pool has; in a later attempt those of the first, whatever was added since.

    Args:
        pool: The pool.
        folder: Of the job, where the choice is kept.
        log: Told when an attempt has to begin anew, as some of them are not what they were, before anything is
            removed: it may refuse by raising.

    Raises:
        PoolNotFoundError, StoreCorruptError, CatalogUnavailableError: As `Pool.snapshot`.
    """
    snapshot, work = pool.snapshot(), folder / _WORK
    kept = _read(folder / _FILE)
    if kept is not None:
        rows, since, digest = kept
        positions = _found(snapshot, rows)
        if positions is not None and _digest(snapshot, positions) == digest:
            return LearningSet(snapshot, positions, since, work)
        log("demonstrations were deleted or changed since the last attempt: it begins anew")
        shutil.rmtree(work, ignore_errors=True)
    positions = np.flatnonzero(snapshot.alive)
    _write(folder / _FILE, snapshot.rows[positions], snapshot.version, _digest(snapshot, positions))
    return LearningSet(snapshot, positions, snapshot.version, work)


def _found(snapshot: Snapshot, rows: Int64[np.ndarray, " n"]) -> NDArray[np.int64] | None:
    """Positions of the rows; None where one is gone."""
    positions = find_rows(snapshot.rows, rows)
    there = (positions >= 0).all() and snapshot.alive[positions].all()
    return positions if there else None


def _digest(snapshot: Snapshot, positions: NDArray[np.int64]) -> str:
    """Of what is learnt of each but its vector, which belongs to its row for ever."""
    digest = hashlib.sha256(snapshot.sha256[positions].tobytes())
    for column in (snapshot.labels, snapshot.domains, snapshot.groups):
        digest.update(json.dumps([column.value(place) for place in positions.tolist()]).encode())
    return digest.hexdigest()


def _write(file: Path, rows: Int64[np.ndarray, " n"], since: int, digest: str) -> None:
    content = io.BytesIO()
    np.savez(content, rows=rows, since=np.int64(since), digest=np.str_(digest))
    write_durably(file, content.getvalue())


def _read(file: Path) -> tuple[NDArray[np.int64], int, str] | None:
    if not file.is_file():
        return None
    try:
        with np.load(
            io.BytesIO(file.read_bytes()), allow_pickle=False
        ) as kept:  # given a file, it leaves a bad one open
            return kept["rows"], int(kept["since"]), str(kept["digest"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreCorruptError(f"{file} can't be read: {error}.", hint="Hand the adaptation in anew.") from error
