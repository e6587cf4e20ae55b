"""Removing the files of what was deleted. A death in between leaves work, and no image that stays for good."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection

from index.blobs import Blobs
from index.catalog.demonstration_rows import referenced
from index.catalog.engine import Catalog
from index.catalog.removal_rows import dropped_keys, forget_dropped, forget_freed, freed

__all__ = ["never", "remove_dropped", "remove_freed", "remove_unused"]

_IMAGES_AT_ONCE = 256
_BREATH_S = 0.001


def never() -> bool:
    """Go on to the end."""
    return False


def remove_unused(connection: Connection, blobs: Blobs, hashes: Sequence[str]) -> None:
    """Remove those of some freed images that no demonstration uses.

    Nobody else writes meanwhile, so no upsert can begin to use an image that is going away.

    Args:
        connection: Of a write transaction.
        blobs: Where the images are.
        hashes: Of the images.

    Raises:
        CatalogUnavailableError: The disk can't be written; what is left is found again.
    """
    for sha256 in set(hashes) - referenced(connection, hashes):
        blobs.discard(sha256)
    forget_freed(connection, hashes)


def remove_freed(catalog: Catalog, blobs: Blobs, stopped: Callable[[], bool] = never) -> None:
    """Remove all images that were freed and that no demonstration uses, few at a time: a million files take minutes.

    Args:
        catalog: Where they are written down.
        blobs: Where the images are.
        stopped: Asked between any two parts.

    Raises:
        CatalogUnavailableError: The database doesn't answer, or the disk can't be written.
    """
    while not stopped():
        with catalog.reading() as connection:
            if not freed(connection, 1):
                return
        with catalog.writing() as connection:
            remove_unused(connection, blobs, freed(connection, _IMAGES_AT_ONCE))
        time.sleep(_BREATH_S)  # whoever waits to write goes first


def remove_dropped(catalog: Catalog, roots: Sequence[Path]) -> None:
    """Remove the folders of pools that were dropped.

    Args:
        catalog: Where they are written down.
        roots: Folders in which a pool has one with its key for a name.

    Raises:
        CatalogUnavailableError: The database doesn't answer.
    """
    with catalog.reading() as connection:
        keys = dropped_keys(connection)
    for key in keys:
        for root in roots:
            shutil.rmtree(root / key, ignore_errors=True)
        if not any((root / key).exists() for root in roots):  # else it is tried again
            with catalog.writing() as connection:
                forget_dropped(connection, key)
