"""Vectors that a job has made so far, in files of its own, so that no attempt makes them again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64
from numpy.typing import NDArray

from index.columns import find_rows

__all__ = ["KeptVectors"]

_DIGEST_BYTES = 32
_SUFFIX = ".vectors"


class KeptVectors:
    """The vectors of rows by one encoder version, a file for each that were made together.

    A row is an image for ever, and with a domain where that counts: it is found again, whatever else is deleted or
    comes.

    Args:
        folder: Of the job.
        fingerprint: Of the vectors.
        dim: Length of a vector.
    """

    def __init__(self, folder: Path, fingerprint: str, dim: int) -> None:
        self._folder, self._dim = folder, dim
        self._prefix = fingerprint[:16]
        self._files = sorted(folder.glob(f"{self._prefix}-*{_SUFFIX}"))
        read = [self._rows_in(file) for file in self._files]
        rows = np.concatenate([np.empty(0, np.int64), *read])
        order = np.argsort(rows, kind="stable")
        self._rows = rows[order]
        self._file_of = np.repeat(np.arange(len(read)), [len(each) for each in read])[order]

    def find(self, rows: Int64[np.ndarray, " n"]) -> tuple[Bool[np.ndarray, " n"], Float32[np.ndarray, "n dim"]]:
        """Which of some rows an attempt before has made vectors of, and these; what wasn't made is zeros."""
        places = find_rows(self._rows, rows)
        found: Bool[np.ndarray, " n"] = places >= 0
        vectors = np.zeros((len(rows), self._dim), dtype=np.float32)
        for number in np.unique(self._file_of[places[found]]).tolist():
            kept, numbers = self._read(self._files[number])  # again, as all of them may not fit into memory
            inside = np.flatnonzero(found)[self._file_of[places[found]] == number]
            at = find_rows(kept, rows[inside])
            found[inside[at < 0]] = False
            vectors[inside[at >= 0]] = numbers[at[at >= 0]]
        return found, vectors

    def keep(self, rows: Int64[np.ndarray, " n"], vectors: Float32[np.ndarray, "n dim"]) -> None:
        """Keep vectors for an attempt to come. Not flushed: a loss of power costs them, and is seen.

        Args:
            rows: Ascending.
            vectors: Of the rows.
        """
        content = rows.astype("<i8").tobytes() + vectors.astype("<f4").tobytes()
        digest = hashlib.sha256(content).digest()
        file = self._folder / f"{self._prefix}-{rows[0]:012d}-{digest[:8].hex()}{_SUFFIX}"
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(digest + content)
        temporary.replace(file)

    def _rows_in(self, file: Path) -> NDArray[np.int64]:
        """Rows that a file says it has; its content is checked when it is read."""
        count = max(0, file.stat().st_size - _DIGEST_BYTES) // (8 + 4 * self._dim)
        with file.open("rb") as opened:
            opened.seek(_DIGEST_BYTES)
            return np.frombuffer(opened.read(8 * count), dtype="<i8").astype(np.int64)

    def _read(self, file: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and vectors of a file; none where they aren't those that were written."""
        content = file.read_bytes()
        digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        count, more = divmod(len(rest), 8 + 4 * self._dim)
        if more or hashlib.sha256(rest).digest() != digest:
            return np.empty(0, np.int64), np.empty((0, self._dim), np.float32)
        vectors = np.frombuffer(rest[8 * count :], dtype="<f4").astype(np.float32).reshape(count, self._dim)
        return np.frombuffer(rest[: 8 * count], dtype="<i8").astype(np.int64), vectors
