"""Files in a folder: ``ab/cd/<sha256>``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from encoders.flush import flush
from index.durable_files import TEMPORARY, make_directory, storing, write_durably
from invariantselect.errors import StoreCorruptError

__all__ = ["FolderStore"]


class FolderStore:
    """A folder, shared by all pools of a data directory."""

    reads_at_once = 1  # what is in the page cache is read faster than it is handed to a thread
    writes_at_once = 4  # most of the time is spent waiting for the disk
    remote = False

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def where(self, sha256: str) -> str:
        """Its path."""
        return str(self._path(sha256))

    def write(self, sha256: str, content: bytes) -> None:
        """Keep a file; writing it again costs a comparison, and heals a damaged one."""
        path = self._path(sha256)
        if not _holds(path, content):
            with storing(path):
                make_directory(path.parent, below=self._root)
                write_durably(path, content)

    def read(self, sha256: str) -> bytes:
        """A file as it is."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreCorruptError(f"the image {sha256} can't be read: {error.strerror}") from error

    def open(self, sha256: str) -> BinaryIO:
        """The opened file: it can be read after it was unlinked."""
        return self._path(sha256).open("rb")

    def holds(self, sha256: str) -> bool:
        """Whether there is such a file."""
        return self._path(sha256).exists()

    def remove(self, sha256: str) -> None:
        """Remove a file, if it is there: gone also after a power cut, as nobody will look for it again."""
        path = self._path(sha256)
        with storing(path):
            try:
                path.unlink()
            except FileNotFoundError:
                return
            flush(path.parent)

    def stored(self) -> Iterator[str]:
        """The names of all files; what isn't whole yet has a longer one."""
        return (path.name for path in self._root.glob("??/??/*"))

    def leftovers(self) -> Iterator[str]:
        """Paths of files that a write which never ended left behind, or that one is writing just now."""
        return (str(path) for path in self._root.glob(f"??/??/*{TEMPORARY}"))

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:4] / sha256


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:  # not there, or damaged so that it can't be read: then it is written anew
        return False
