"""Where a rebuild keeps what it makes until that is published: a folder beside those of the encoder versions.

A rebuild of a large pool takes hours. It holds this folder alone, so that seals of the space go on meanwhile; their
sweep doesn't look here. Whoever holds both a rebuild's folder and a space's takes that of the rebuild first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from index.durable_files import make_directory, storing
from index.sealing import LOCK, exclusive
from index.space import VERSIONS, Space

__all__ = ["clear", "rebuild_folder", "rebuild_folders", "rebuilding", "remnants"]

_PREFIX = "rebuild-"


@contextmanager
def rebuilding(space: Space) -> Iterator[Path]:
    """A folder for what a rebuild of a space makes, empty at first and afterwards; waits for another rebuild of it.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    folder = rebuild_folder(space)
    with storing(folder):
        make_directory(folder, below=space.pool_folder.parent)
    with exclusive(folder, wait=True):
        with storing(folder):
            clear(folder)
        try:
            yield folder
        finally:
            with suppress(OSError):  # the next one does
                clear(folder)


def rebuild_folders(pool_folder: Path) -> list[Path]:
    """Those that a pool has."""
    return sorted((pool_folder / VERSIONS).glob(f"{_PREFIX}*"))


def remnants(folder: Path) -> list[Path]:
    """What a rebuild left in its folder, or is making there; nothing where the pool was dropped meanwhile."""
    try:
        return sorted(path for path in folder.iterdir() if path.name != LOCK)
    except FileNotFoundError:
        return []


def clear(folder: Path) -> None:
    """Remove that. The caller holds the folder."""
    for path in remnants(folder):
        path.unlink(missing_ok=True)


def rebuild_folder(space: Space) -> Path:
    """That of a space; it may not be there."""
    return space.pool_folder / VERSIONS / f"{_PREFIX}{space.number}"
