"""Removing the files of what was deleted. A death in between leaves work, and no image that stays for good."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from index.blobs.blobs import Blobs
from index.catalog.demonstration_rows import referenced
from index.catalog.engine import Catalog
from index.catalog.removal_rows import WHOLE_POOL, Dropped, dropped, forget_dropped, forget_freed, freed
from index.space import VERSIONS
from invariantselect.errors import CatalogUnavailableError

__all__ = ["never", "remove_dropped", "remove_freed", "remove_unused"]

_IMAGES_AT_ONCE = 256
_BREATH_S = 0.001
_REMEMBERED = timedelta(days=7)  # a job that ran when its pool was dropped may write once more
_SHA256, _KEY = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
_log = logging.getLogger("index.removing")


def never() -> bool:
    """Go on to the end."""
    return False


def remove_unused(connection: Connection, blobs: Blobs, hashes: Sequence[str]) -> CatalogUnavailableError | None:
    """Remove those of some freed images that no demonstration uses, and strike off those that are gone.

    Nobody else writes meanwhile, so no upsert can begin to use an image that is going away. Each few are asked for
    anew: a connection that is lost, and the lock with it, is noticed.

    Args:
        connection: Of a write transaction.
        blobs: Where the images are.
        hashes: Of the images.

    Returns:
        Why some couldn't be removed, to be raised behind the transaction; None where none is left.
    """
    refused: CatalogUnavailableError | None = None
    for start in range(0, len(hashes), _IMAGES_AT_ONCE):
        some = hashes[start : start + _IMAGES_AT_ONCE]
        used = referenced(connection, some)
        unused = [sha256 for sha256 in some if sha256 not in used and _SHA256.fullmatch(sha256)]  # any catalog's hashes
        refusals = dict(zip(unused, blobs.discard_all(unused), strict=True))
        forget_freed(connection, [sha256 for sha256 in some if refusals.get(sha256) is None])
        refused = next(filter(None, refusals.values()), refused)
    return refused


def remove_freed(catalog: Catalog, blobs: Blobs, stopped: Callable[[], bool] = never) -> None:
    """Remove all images that were freed and that no demonstration uses, few at a time: a million files take minutes.

    Args:
        catalog: Where they are written down.
        blobs: Where the images are.
        stopped: Asked between any two parts.

    Raises:
        CatalogUnavailableError: The database doesn't answer, or some files can't be removed; all others were.
    """
    after, refused = "", None
    while not stopped():
        with catalog.reading() as connection:
            if not freed(connection, 1, after=after):
                break
        with catalog.writing() as connection:
            hashes = freed(connection, _IMAGES_AT_ONCE, after=after)
            refused = remove_unused(connection, blobs, hashes) or refused
        if refused is not None and blobs.remote:
            break  # it would refuse the others, too, and writes wait for each answer
        after = hashes[-1] if hashes else after
        time.sleep(_BREATH_S)  # whoever waits to write goes first
    if refused is not None:
        raise refused


def remove_dropped(catalog: Catalog, data: Path) -> None:
    """Remove the folders of pools that were dropped and of encoder versions that were discarded.

    Args:
        catalog: Where they are written down.
        data: The data directory.

    Raises:
        CatalogUnavailableError: The database doesn't answer.
    """
    with catalog.reading() as connection:
        found = dropped(connection)
    for each in found:
        for folder in _folders(data, each):
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
                if folder.exists():
                    _log.warning("the folder %s of what was dropped can't be removed", folder)
    old = datetime.now(UTC).replace(tzinfo=None) - _REMEMBERED
    if any(each.at < old for each in found):
        with catalog.writing() as connection:
            forget_dropped(connection, old)


def _folders(data: Path, each: Dropped) -> list[Path]:
    if not _KEY.fullmatch(each.key):  # likewise
        return []
    if each.number == WHOLE_POOL:
        # Its vectors; encoders that were adapted to it; reports, which show its images.
        return [data / root / each.key for root in ("pools", "encoders", "reports")]
    return [data / "pools" / each.key / VERSIONS / str(each.number), data / "encoders" / each.key / str(each.number)]
