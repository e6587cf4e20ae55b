"""Where a backup is written: a new directory, or a tar file. Whole under its name, or absent."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from encoders.flush import flush
from index.durable_files import flush_folders, temporary_beside, write_durably
from invariantselect.errors import InvalidRequestError

__all__ = ["DirectoryTarget", "TarTarget", "Target", "target_at"]

_CHUNK = 1 << 20


@runtime_checkable
class Target(Protocol):
    """Takes the files of a backup."""

    def write(self, name: str, source: BinaryIO) -> tuple[int, str]:
        """Take a file under a name that it was never given before; its size and its SHA-256, as they were copied."""

    def forget(self, name: str) -> None:
        """Do without a file that turned out not to belong to the backup. A tar keeps it, unnamed."""

    def publish(self, listing: str, content: bytes) -> None:
        """Take the last file, make everything durable, and give the backup its name."""

    def abandon(self) -> None:
        """Leave nothing behind of a backup that wasn't published."""


def target_at(out: Path) -> Target:
    """A directory, or a tar file where the name ends with ``.tar``.

    Raises:
        InvalidRequestError: There is something at the path, or nothing can be written there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidRequestError(f"there is something at {out} already", hint="Name a new directory or .tar file.")
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        return TarTarget(out) if out.suffix == ".tar" else DirectoryTarget(out)
    except OSError as error:
        raise InvalidRequestError(f"{out} can't be written: {error.strerror}", hint="Check the path.") from error


class DirectoryTarget:
    """A directory that looks like a data directory.

    Files are copied, never linked: what happens to the bytes of one must not happen to those of the other.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._aside = temporary_beside(out.absolute())
        self._aside.mkdir()

    def write(self, name: str, source: BinaryIO) -> tuple[int, str]:
        """See `Target.write`."""
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        hashing = _Hashing(source)
        with path.open("xb") as file:
            shutil.copyfileobj(hashing, file, _CHUNK)
            file.flush()
            os.fsync(file.fileno())
        return hashing.told()

    def forget(self, name: str) -> None:
        """See `Target.forget`."""
        (self._aside / name).unlink()

    def publish(self, listing: str, content: bytes) -> None:
        """See `Target.publish`."""
        write_durably(self._aside / listing, content)
        flush_folders(self._aside)
        if self._out.exists():
            self._out.rmdir()
        self._aside.rename(self._out)
        flush(self._out.absolute().parent)

    def abandon(self) -> None:
        """See `Target.abandon`."""
        shutil.rmtree(self._aside, ignore_errors=True)


class TarTarget:
    """A tar file, not compressed: images are."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._aside = temporary_beside(out.absolute())
        self._tar = tarfile.open(self._aside, "x", format=tarfile.PAX_FORMAT)  # noqa: SIM115 -- closed by whoever publishes

    def write(self, name: str, source: BinaryIO) -> tuple[int, str]:
        """See `Target.write`."""
        hashing = _Hashing(source)
        member = tarfile.TarInfo(name)
        member.size, member.mode = os.fstat(source.fileno()).st_size, 0o600
        self._tar.addfile(member, hashing)
        return hashing.told()

    def forget(self, name: str) -> None:
        """See `Target.forget`."""

    def publish(self, listing: str, content: bytes) -> None:
        """See `Target.publish`."""
        member = tarfile.TarInfo(listing)
        member.size, member.mode = len(content), 0o600
        self._tar.addfile(member, io.BytesIO(content))
        self._tar.close()
        flush(self._aside)
        self._aside.rename(self._out)
        flush(self._out.absolute().parent)

    def abandon(self) -> None:
        """See `Target.abandon`."""
        self._tar.close()
        self._aside.unlink(missing_ok=True)


class _Hashing(io.RawIOBase):
    """Reads on behalf of a copy, and knows afterwards what went by."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._digest = hashlib.sha256()
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self._digest.update(chunk)
        self._bytes += len(chunk)
        return chunk

    def told(self) -> tuple[int, str]:
        return self._bytes, self._digest.hexdigest()
