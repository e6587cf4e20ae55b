"""Files that are whole or absent, also after a power cut: written aside, flushed, renamed, the rename flushed too."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from encoders.flush import flush
from invariantselect.errors import CatalogUnavailableError

__all__ = [
    "TEMPORARY",
    "flush_folders",
    "make_directory",
    "publish",
    "sha256_of",
    "storing",
    "temporary_beside",
    "write_durably",
]

TEMPORARY = ".tmp"
"""Suffix of a file that is being written; one that nobody is writing is left over from a crash."""


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Within it `path` is written.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    try:
        yield
    except OSError as error:
        raise CatalogUnavailableError(f"{path} can't be written: {error.strerror or error}") from error


def temporary_beside(path: Path) -> Path:
    """A name for writing `path` aside, in the same folder so that a rename is atomic."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}{TEMPORARY}")


def publish(temporary: Path, path: Path) -> None:
    """Give a flushed file its name, durably."""
    os.replace(temporary, path)  # noqa: PTH105 -- the call that crash tests count
    flush(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Make `path` hold `content`: a reader, now or after a crash, sees the old file or the whole new one."""
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_directory(path: Path, *, below: Path) -> None:
    """Make `path` and the folders between it and `below`, durably; `below` must exist."""
    if path.is_dir():
        return
    if path != below:
        make_directory(path.parent, below=below)
    path.mkdir(exist_ok=True)
    flush(path.parent)


def flush_folders(root: Path) -> None:
    """Make the names of all files below a folder durable; their contents are flushed by whoever wrote them."""
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        flush(folder)


def sha256_of(path: Path) -> str:
    """Content hash of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
