"""Where the images of a data directory are: in a folder of it, or in an object store that belongs to it alone.

A directory whose images lie elsewhere says where. Else a process with other settings would look for them in the wrong
place, and put half of them there.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from filelock import FileLock

from index.blobs.blobs import Blobs
from index.blobs.folder_store import FolderStore
from index.blobs.object_store import ObjectStore
from index.durable_files import write_durably
from invariantselect.errors import CatalogUnavailableError, StoreCorruptError

__all__ = ["open_blobs"]

_FOLDER = "blobs"
_PLACE = "image-store.json"
_SETTING = "INVARIANTSELECT_IMAGES_URL"


def open_blobs(data: Path, images_url: str | None = None) -> Blobs:
    """The images of a data directory that exists.

    Args:
        data: The directory.
        images_url: Of the object store that has them, ``s3://bucket/folder``; None for the directory's own folder.

    Raises:
        CatalogUnavailableError: They are elsewhere, the object store is another directory's, or it doesn't answer.
        StoreCorruptError: The file that says where they are is damaged.
        InvalidRequestError: What speaks S3 isn't installed.
        OSError: The directory can't be written to.
    """
    place = data / _PLACE
    if images_url is None:
        known, _ = _read(place) if place.exists() else (None, "")
        if known is not None:
            raise CatalogUnavailableError(
                f"the images of {data} are in {known}", hint=f"Set {_SETTING} as the servers of these pools have it."
            )
        return Blobs(FolderStore(data / _FOLDER))
    store = ObjectStore(images_url)
    with FileLock(data / "image-store.lock"):
        _claim(place, store, images_url.rstrip("/"))
    return Blobs(store)


def _claim(place: Path, store: ObjectStore, url: str) -> None:
    """Make the store the directory's. Its name there is written down first: a claim may work and its answer be lost."""
    known, owner = _read(place) if place.exists() else (None, uuid.uuid4().hex)
    if known is None:
        _check_that_there_are_none(place.parent, url)
        _write(place, None, owner)
    elif known != url:
        raise CatalogUnavailableError(
            f"the images of {place.parent} are in {known}, not in {url}",
            hint=f"Correct {_SETTING}; or, while no server runs, copy all objects there and write it into {place}.",
        )
    store.claim(owner)
    if known is None:
        _write(place, url, owner)


def _check_that_there_are_none(data: Path, url: str) -> None:
    folder = data / _FOLDER
    if folder.is_dir() and next(Blobs(FolderStore(folder)).stored(), None) is not None:
        raise CatalogUnavailableError(
            f"the data directory {data} has images in {folder}",
            hint=f"While no server runs, copy that folder to {url} (aws s3 sync {folder} {url}), then move it away.",
        )


def _write(place: Path, url: str | None, owner: str) -> None:
    write_durably(place, json.dumps({"url": url, "owner": owner}).encode())


def _read(place: Path) -> tuple[str | None, str]:
    """Where the images are, None where no store has been claimed yet; and the directory's name there."""
    try:
        values = json.loads(place.read_bytes())
        url, owner = values["url"], values["owner"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreCorruptError(f"{place} is damaged", hint=_HOW) from error
    if not isinstance(url, str | None) or not isinstance(owner, str) or not owner.isascii():
        raise StoreCorruptError(f"{place} is damaged", hint=_HOW)
    return url, owner


_HOW = 'Write {"url": "s3://…", "owner": "…"} into it, the owner as the object invariantselect.id there has it.'
