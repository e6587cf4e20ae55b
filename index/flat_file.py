"""A flat segment's file, written block by block in FAISS's own format, so that only a block is ever in memory."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from encoders.flush import flush
from index.durable_files import sha256_of
from invariantselect.errors import CatalogUnavailableError

__all__ = ["FlatFile", "Written", "writing"]

# What FAISS writes before the numbers of an IndexFlatIP: its name, length of a vector, vectors, two words that are not
# used any more, whether it is trained, the metric (0 is the inner product), and how many numbers follow.
_HEADER = struct.Struct("<4siqqq?iQ")
_UNUSED = 1 << 20


@dataclass(frozen=True)
class Written:
    """What a file holds.

    Attributes:
        count: How many vectors.
        sha256: Of the file.
        max_norm: Largest Euclidean norm among the vectors.
    """

    count: int
    sha256: str
    max_norm: float


class FlatFile:
    """A file that is being written.

    Args:
        path: Where; nothing must be there.
        dim: Length of a vector.
        expected: How many vectors there will be. If it comes true, the file is hashed while it is written; if not, it
            is read again for that.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written; so may every method.
    """

    def __init__(self, path: Path, dim: int, expected: int) -> None:
        self._path, self._dim, self._expected = path, dim, expected
        self._count, self._max_norm = 0, 0.0
        self._hash = hashlib.sha256()
        with writing(path):
            self._file = path.open("xb")
        self._put(_header(dim, expected))

    def append(self, vectors: Float32[np.ndarray, "n dim"]) -> None:
        """Write further vectors."""
        block = np.require(vectors, dtype="<f4", requirements=("C", "A"))
        self._put(block.tobytes())
        self._count += len(block)
        self._max_norm = max(self._max_norm, float(np.linalg.norm(block.astype(np.float64), axis=1).max(initial=0)))

    def close(self) -> Written:
        """End the file, on the disk. Without this, what was written is no segment."""
        as_expected = self._count == self._expected
        with writing(self._path):
            with self._file as file:
                if not as_expected:
                    file.seek(0)
                    file.write(_header(self._dim, self._count))
            flush(self._path)
            sha256 = self._hash.hexdigest() if as_expected else sha256_of(self._path)
        return Written(self._count, sha256, self._max_norm)

    def abandon(self) -> None:
        """Close and remove the file."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _put(self, content: bytes) -> None:
        self._hash.update(content)
        with writing(self._path):
            self._file.write(content)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell what goes wrong with a file of a segment in our own words.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # FAISS raises the second
        raise CatalogUnavailableError(f"the segment {path} can't be written: {error}") from error


def _header(dim: int, count: int) -> bytes:
    return _HEADER.pack(b"IxFI", dim, count, _UNUSED, _UNUSED, True, 0, count * dim)
