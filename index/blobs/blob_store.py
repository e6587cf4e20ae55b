"""What keeps files under names that are hashes, and knows nothing of what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol, runtime_checkable

__all__ = ["BlobStore"]


@runtime_checkable
class BlobStore(Protocol):
    """Keeps files by their SHA-256, 64 lower-case hexadecimal digits. Thread- and process-safe.

    Attributes:
        reads_at_once: How many files are worth reading or looking for side by side.
        writes_at_once: How many are worth writing or removing side by side.
        remote: Whether it is a server: where that refuses one file, it would refuse the others.
    """

    reads_at_once: int
    writes_at_once: int
    remote: bool

    def where(self, sha256: str) -> str:
        """Where a file lies or would lie, for people."""
        ...

    def write(self, sha256: str, content: bytes) -> None:
        """Keep a file, durably once this returns; one that is there already is whole afterwards.

        Raises:
            CatalogUnavailableError: It can't be written.
        """
        ...

    def read(self, sha256: str) -> bytes:
        """A file as it is.

        Raises:
            FileNotFoundError: There is none.
            StoreCorruptError: It can't be read.
            CatalogUnavailableError: The store doesn't answer.
        """
        ...

    def open(self, sha256: str) -> BinaryIO:
        """A file to be read later, also when it was removed meanwhile. Raises as `read`, or an OSError."""
        ...

    def holds(self, sha256: str) -> bool:
        """Whether there is such a file.

        Raises:
            CatalogUnavailableError: The store doesn't answer.
        """
        ...

    def remove(self, sha256: str) -> None:
        """Remove a file, if it is there.

        Raises:
            CatalogUnavailableError: It can't be removed.
        """
        ...

    def stored(self) -> Iterator[str]:
        """The names of all files, in no order, those that are no hashes among them.

        Raises:
            CatalogUnavailableError: The store doesn't answer.
        """
        ...

    def leftovers(self) -> Iterator[str]:
        """Where a write that never ended left something behind, or is writing just now."""
        ...
