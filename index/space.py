"""Where the vectors of one encoder version lie: a folder with a manifest and segments, and its rows of the tail.

Number 1 lies in the pool's own folder, as it did before a pool could have more than one; the others below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.encoder_version import FROZEN, EncoderVersion
from index.manifest import Manifest, read_manifest

__all__ = ["VERSIONS", "Space"]

VERSIONS = "versions"
"""Name of the folder, in a pool's folder, that holds the folders of its encoder versions."""


@dataclass(frozen=True)
class Space:
    """The vectors of one encoder version of a pool.

    Attributes:
        key: Of the pool.
        number: Of the encoder version.
        fingerprint: Of its vectors.
        dim: Length of a vector.
        pool_folder: Of the pool.
    """

    key: str
    number: int
    fingerprint: str
    dim: int
    pool_folder: Path

    @classmethod
    def of(cls, key: str, pool_folder: Path, version: EncoderVersion) -> Space:
        """The space of a version of a pool."""
        return cls(key, version.number, version.fingerprint, version.dim, pool_folder)

    @property
    def folder(self) -> Path:
        """Where its manifest and its segments are."""
        return self.pool_folder if self.number == FROZEN else self.pool_folder / VERSIONS / str(self.number)

    def manifest(self) -> Manifest:
        """Its manifest; an empty one where nothing was sealed yet.

        Raises:
            StoreCorruptError: It was altered, is of another format, or belongs to another encoder.
        """
        return read_manifest(self.folder, fingerprint=self.fingerprint, dim=self.dim)
