"""Making a data directory of a backup: every byte is checked before anything is put in place."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from io import BufferedReader
from pathlib import Path

from encoders.flush import flush
from index.backup.listing import CATALOG, LISTING, Listed, Listing, parse_listing
from index.backup.origins import Origin, origin_at
from index.durable_files import flush_folders, temporary_beside
from invariantselect.errors import BackupInvalidError, InvalidRequestError

__all__ = ["restore"]

_CHUNK = 1 << 20
_LARGEST_LISTING = 1 << 30  # four million files


def restore(source: Path, data: Path, *, settle: Callable[[Path], None] = lambda _: None) -> Listing:
    """Make a data directory of what `index.backup.making.back_up` wrote.

    All is written aside and checked there, so that the directory is whole or absent.

    Args:
        source: A directory or a tar file; what a stranger made can't leave the new directory, but becomes its catalog.
        data: Absent or empty.
        settle: Called with the new directory before it gets its name.

    Returns:
        What was restored.

    Raises:
        InvalidRequestError: The data directory holds something, or can't be written.
        BackupInvalidError: The backup is incomplete, damaged or none.
    """
    if data.is_symlink() or (data.exists() and (not data.is_dir() or any(data.iterdir()))):
        raise InvalidRequestError(f"{data} is not empty", hint="Name a new directory with --data.")
    aside = temporary_beside(data.absolute())
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        with origin_at(source) as origin:
            listing = _listing(origin)
            for file in listing.files:
                with origin.open(file.name) as content:
                    _put(file, content, aside / file.name)
        _check_catalog(aside / CATALOG)
        settle(aside)
        flush_folders(aside)
        if data.exists():
            data.rmdir()
        aside.rename(data)
        flush(data.absolute().parent)
    except OSError as error:
        raise InvalidRequestError(
            f"{data} can't be written: {error.strerror or error}", hint="Check the disk and permissions."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return listing


def _listing(origin: Origin) -> Listing:
    with origin.open(LISTING) as file:
        content = _read(file, _LARGEST_LISTING + 1)
    if len(content) > _LARGEST_LISTING:
        raise BackupInvalidError(f"{LISTING} is too large")
    return parse_listing(content)


def _put(file: Listed, content: BufferedReader, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), file.bytes
    with path.open("xb") as copy:
        while left and (chunk := _read(content, min(_CHUNK, left))):
            digest.update(chunk)
            copy.write(chunk)
            left -= len(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    if left or _read(content, 1) or digest.hexdigest() != file.sha256:
        raise BackupInvalidError(f"{file.name} isn't what the backup's list says: cut off, altered or swapped")


def _read(content: BufferedReader, size: int) -> bytes:
    try:
        return content.read(size)
    except (OSError, tarfile.TarError) as error:
        raise BackupInvalidError(f"the backup can't be read: {error}") from error


def _check_catalog(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise BackupInvalidError(f"the catalog in the backup can't be read: {error}") from error
    if found != ["ok"]:
        raise BackupInvalidError(f"the catalog in the backup is damaged: {found[0]}")
