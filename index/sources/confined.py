"""Files below one folder and nowhere else, whatever the paths and links in it say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from index.sources.record import readable
from invariantselect.errors import (
    DatasetUnsupportedError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageUnreadableError,
)

__all__ = ["read_confined", "table_of"]

# A named pipe opened without O_NONBLOCK waits for a writer for ever; O_NOFOLLOW closes the gap after resolving.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_confined(root: Path, relative: str, *, max_bytes: int) -> bytes:
    """Read a file whose path is given relative to a folder that it may not leave.

    Args:
        root: The folder, resolved.
        relative: Path below it; links are followed as long as they stay below the folder.
        max_bytes: Larger files are refused before they are read.

    Raises:
        ImageNotFoundError: Nothing is there, or the path is absolute, a URL, or leaves the folder.
        ImageTooLargeError: More than `max_bytes`.
        ImageUnreadableError: A folder, a device or a pipe, or the disk fails.
    """
    path = _confined_path(root, relative)
    shown = readable(relative)
    try:
        descriptor = os.open(path, _FLAGS)
        with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor, not a path
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ImageUnreadableError(f"{shown} is not a file.")
            if status.st_size > max_bytes:
                raise ImageTooLargeError(f"{shown} has {status.st_size} bytes; at most {max_bytes} are allowed.")
            return file.read(max_bytes + 1)
    except OSError as error:
        raise ImageUnreadableError(f"{shown} can't be read: {error.strerror}.") from error


def table_of(root: Path, name: str) -> Path:
    """The table of a data set, which lies in its folder.

    Args:
        root: The folder, resolved.
        name: Of the file.

    Raises:
        DatasetUnsupportedError: It is a link that leaves the folder.
    """
    path = root / name
    if not path.resolve().is_relative_to(root):
        raise DatasetUnsupportedError(f"{name} is a link that leaves its folder.")
    return path


def _confined_path(root: Path, relative: str) -> Path:
    shown = readable(relative)
    if "://" in relative:
        raise ImageNotFoundError(f"{shown} is a URL, and nothing is fetched.", hint="Download the image, then name it.")
    path = Path(relative)
    if not path.parts or path.is_absolute() or path.drive or ".." in path.parts or "\0" in relative:
        raise ImageNotFoundError(f"The path {shown!r} is empty, absolute or leaves its folder.")
    try:
        resolved = (root / path).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise ImageNotFoundError(f"There is no file {shown}.") from error
    if not resolved.is_relative_to(root):
        raise ImageNotFoundError(f"{shown} is a link that leaves its folder.")
    return resolved
