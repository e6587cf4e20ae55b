"""Image files, stored once under the hash of their content: ``ab/cd/<sha256>``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from index.durable_files import TEMPORARY, make_directory, storing, write_durably
from invariantselect.errors import ImageNotFoundError, StoreCorruptError

__all__ = ["Blobs"]

_AT_ONCE = 4
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A folder of content-addressed files, shared by all pools of a data directory. Thread- and process-safe."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the content with this hash lies, if it is stored.

        Raises:
            ValueError: Not 64 lower-case hexadecimal digits, so possibly a path that leaves the folder.
        """
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a SHA-256 in hexadecimal")
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def put(self, content: bytes) -> str:
        """Store content durably and return its hash; storing it again costs a comparison, and heals a damaged file.

        Raises:
            CatalogUnavailableError: The disk is full or can't be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        if not _holds(path, content):
            with storing(path):
                make_directory(path.parent, below=self._root)
                write_durably(path, content)
        return sha256

    def put_all(self, contents: Collection[bytes]) -> None:
        """Store several contents as `put` does, side by side: most of the time is spent waiting for the disk.

        Raises:
            CatalogUnavailableError: The disk is full or can't be written.
        """
        if len(contents) <= 1:
            for content in contents:
                self.put(content)
            return
        with ThreadPoolExecutor(min(_AT_ONCE, len(contents))) as threads:
            for _ in threads.map(self.put, contents):
                pass

    def get(self, sha256: str) -> bytes:
        """The content with this hash, checked against it.

        Raises:
            ImageNotFoundError: Nothing is stored under it.
            StoreCorruptError: The file was altered, or can't be read.
        """
        try:
            content = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise ImageNotFoundError(
                f"the image {sha256} is not in the store", hint="Upsert the demonstration again with its image."
            ) from error
        except OSError as error:
            raise StoreCorruptError(f"the image {sha256} can't be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreCorruptError(
                f"the stored image {sha256} was altered", hint="Upsert the demonstration again with its image."
            )
        return content

    def holds(self, sha256: str) -> bool:
        """Whether something is stored under this hash; it is checked when it is read."""
        return self.path(sha256).exists()

    def discard(self, sha256: str) -> None:
        """Remove the content with this hash, if it is there.

        Raises:
            CatalogUnavailableError: The disk can't be written.
        """
        path = self.path(sha256)
        with storing(path):
            path.unlink(missing_ok=True)

    def stored(self) -> Iterator[str]:
        """The hashes of everything that is stored, in no order."""
        for path in self._root.glob("??/??/*"):
            if _SHA256.fullmatch(path.name):
                yield path.name

    def leftovers(self) -> Iterator[Path]:
        """Files that a write which never ended left behind, or that one is writing just now."""
        yield from self._root.glob(f"??/??/*{TEMPORARY}")


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:  # not there, or damaged so that it can't be read: then it is written anew
        return False
