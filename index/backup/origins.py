"""Where a backup is read from: a directory, or a tar file. Nothing in it is believed."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Protocol, runtime_checkable

from invariantselect.errors import BackupInvalidError

__all__ = ["DirectoryOrigin", "Origin", "TarOrigin", "origin_at"]

# A named pipe opened without O_NONBLOCK waits for a writer for ever; a link may lead anywhere.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@runtime_checkable
class Origin(Protocol):
    """Gives the files of a backup."""

    def open(self, name: str) -> BufferedReader:
        """A regular file, by its path within the backup.

        Raises:
            BackupInvalidError: There is none, or it is something else.
        """


@contextmanager
def origin_at(path: Path) -> Iterator[Origin]:
    """The backup at a path.

    Raises:
        BackupInvalidError: Neither a directory nor a tar file.
    """
    if path.is_dir():
        yield DirectoryOrigin(path)
        return
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115 -- closed below
    except (OSError, tarfile.TarError) as error:
        raise BackupInvalidError(f"{path} is neither a directory nor a tar file: {error}") from error
    with closing(tar):
        yield TarOrigin(tar)


class DirectoryOrigin:
    """A directory. Links are not followed, neither files nor folders."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def open(self, name: str) -> BufferedReader:
        """See `Origin.open`."""
        path = self._root / name
        try:
            if path.parent.resolve() != path.parent:
                raise BackupInvalidError(f"{name} lies behind a link")
            descriptor = os.open(path, _FLAGS)
            file = open(descriptor, "rb")  # noqa: PTH123, SIM115 -- a descriptor, not a path; whoever asked closes it
        except OSError as error:
            raise BackupInvalidError(f"the backup lacks {name}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise BackupInvalidError(f"{name} is not a file")
        return file


class TarOrigin:
    """A tar file. Its members are read by name and never unpacked, so that they can't say where they go."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        try:
            self._members = {member.name: member for member in tar}  # of two with one name, the later
        except (OSError, tarfile.TarError) as error:
            raise BackupInvalidError(f"the tar file is damaged: {error}") from error
        self._tar = tar

    def open(self, name: str) -> BufferedReader:
        """See `Origin.open`."""
        member = self._members.get(name)
        if member is None:
            raise BackupInvalidError(f"the backup lacks {name}")
        file = self._tar.extractfile(member) if member.isreg() else None
        if not isinstance(file, BufferedReader):
            raise BackupInvalidError(f"{name} is not a file")
        return file
