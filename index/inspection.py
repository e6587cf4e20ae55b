"""What is wrong with a data directory: everything that can be checked against something else is checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from index.blobs.blobs import Blobs
from index.blobs.opening import open_blobs
from index.catalog.contradictions import UNREADABLE, contradictions
from index.catalog.demonstration_rows import images_by_row, read_tail, referenced
from index.catalog.engine import Catalog
from index.catalog.opening import CATALOG_FILE, open_catalog
from index.catalog.pool_rows import PoolRow, all_pools
from index.catalog.removal_rows import freed
from index.catalog.version_rows import all_versions, live_versions
from index.durable_files import sha256_of
from index.encoder_inspection import damaged_encoders
from index.encoder_version import FROZEN
from index.kept_columns import COLUMNS, read_kept
from index.manifest import Manifest
from index.rebuild_folder import rebuild_folder, rebuild_folders, remnants
from index.sealing import exclusive, orphans
from index.segments import open_segment
from index.space import VERSIONS, Space
from invariantselect.errors import PoolNotFoundError, StoreCorruptError

__all__ = ["Finding", "inspect"]

_IMAGES_AT_ONCE = 256
_PATIENCE_S = 30.0  # longer than a seal takes
_REBUILD = "Rebuild the pool: its vectors are made anew from its images."
_OUT_OF_USE = "Harmless; this encoder version isn't searched, and is made whole before it is switched to."
_UPSERT = "Upsert the demonstrations again with their images, or delete them."
_CATALOG = "Restore catalog.sqlite3 from a backup."
_ENCODER = "It can't be made again. Go back to another version: invariantselect rollback. Then adapt the pool anew."
_UNUSED_ENCODER = "Harmless; this encoder version doesn't serve. It can't be gone back to, and can't be made again."
_COLUMNS = "Harmless; it is a copy, and all of it is read from the catalog. Remove it, or rebuild the pool."
_PENDING = "A worker removes them, or invariantselect doctor --repair."
_AGAIN = "Ask again when that is done."
_HARMLESS = "Harmless; a write that never ended left it behind. It may be removed."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        pool: Name of the pool it concerns, None for the data directory as a whole.
        detail: What is wrong, in one sentence.
        remedy: What to do about it.
        harmless: Whether every answer is right all the same.
        number: Of the encoder version whose vectors it concerns; None where it concerns none in particular.
    """

    pool: str | None
    detail: str
    remedy: str
    harmless: bool = False
    number: int | None = None


def inspect(data: Path, database_url: str | None = None, images_url: str | None = None) -> list[Finding]:
    """Check the catalog's integrity, manifests, segments, vectors and images of a data directory.

    Reads every byte that is stored. Nothing is changed, and writes may go on, but seals and rebuilds wait. What is
    being rebuilt is told and not waited for.

    Args:
        data: The directory.
        database_url: Of the PostgreSQL that has its catalog; None for the SQLite file in it.
        images_url: Of the object store that has its images; None for the folder in it.

    Raises:
        CatalogUnavailableError: The catalog or the object store can't be opened.
        InvalidRequestError: There is nothing here that speaks S3.
    """
    if database_url is None and not (data / CATALOG_FILE).exists():
        return [Finding(None, f"there is no catalog in {data}", "Check the path of the data directory.")]
    try:
        catalog = open_catalog(data, database_url)
    except StoreCorruptError as error:
        return [Finding(None, error.detail, error.hint)]
    try:
        return list(_as_far_as_readable(_findings(catalog, data, open_blobs(data, images_url))))
    finally:
        catalog.close()


def _as_far_as_readable(findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except UNREADABLE as error:
        yield Finding(None, f"the catalog is damaged: {type(error).__name__}: {error}", _CATALOG)


def _findings(catalog: Catalog, data: Path, blobs: Blobs) -> Iterator[Finding]:
    for problem in catalog.problems():
        yield Finding(None, f"the catalog is damaged: {problem}", _CATALOG)
    with catalog.reading() as connection:
        pools = all_pools(connection)
    for pool in pools:
        with suppress(PoolNotFoundError):  # dropped since
            for problem in contradictions(catalog, pool):
                yield Finding(None, problem, _CATALOG)
            yield from _as_far_as_readable(_of_pool(catalog, data / "pools" / pool.key, pool))
            yield from _as_far_as_readable(_of_encoders(catalog, data / "encoders", pool))
    known = {pool.key for pool in pools}
    folders = (data / "pools").iterdir() if (data / "pools").is_dir() else ()  # keys alone make no folder of pools
    for folder in sorted(path for path in folders if path.name not in known):
        yield Finding(None, f"the folder {folder} belongs to no pool", _HARMLESS, harmless=True)
    yield from _of_images(catalog, blobs, pools)


def _of_pool(catalog: Catalog, folder: Path, pool: PoolRow) -> Iterator[Finding]:
    with catalog.reading() as connection:
        versions = all_versions(connection, pool.key)
    for version in versions:
        space = Space.of(pool.key, folder, version)
        if version.live or space.folder.is_dir():
            space.folder.mkdir(parents=True, exist_ok=True)
            with _at_rest(space) as rests:
                if rests:
                    yield from _of_version(catalog, space, pool)
                else:  # a rebuild of a large pool takes hours
                    told = f"the vectors of encoder version {version.number} are being made anew and weren't looked at"
                    yield Finding(pool.name, told, _AGAIN, harmless=True, number=version.number)
    try:
        read_kept(folder / COLUMNS)
    except StoreCorruptError as error:
        yield Finding(pool.name, error.detail, _COLUMNS, harmless=True)
    rebuilds = rebuild_folders(folder)
    yield from _of_rebuilds(pool, rebuilds)
    known = {*(str(version.number) for version in versions), *(path.name for path in rebuilds)}
    below = (folder / VERSIONS).iterdir() if (folder / VERSIONS).is_dir() else ()
    for path in sorted(path for path in below if path.name not in known):
        yield Finding(pool.name, f"the folder {path} belongs to no encoder version", _HARMLESS, harmless=True)


@contextmanager
def _at_rest(space: Space) -> Iterator[bool]:
    """Hold a space against rebuilds and, after a while, against seals; yields whether it is held."""
    with ExitStack() as stack:
        folder = rebuild_folder(space)
        idle = not folder.is_dir() or stack.enter_context(exclusive(folder, wait=False))
        yield idle and stack.enter_context(exclusive(space.folder, wait=_PATIENCE_S))


def _of_rebuilds(pool: PoolRow, folders: Sequence[Path]) -> Iterator[Finding]:
    for folder in folders:
        with exclusive(folder, wait=False) as idle:
            left = remnants(folder) if idle else []
        for path in left:
            yield Finding(pool.name, f"a rebuild that never ended left the file {path}", _HARMLESS, harmless=True)


def _of_encoders(catalog: Catalog, store: Path, pool: PoolRow) -> Iterator[Finding]:
    with catalog.reading() as connection:
        versions = all_versions(connection, pool.key)
    for version, detail in damaged_encoders(store, pool.key, versions):
        if version.state == "serving":
            yield Finding(pool.name, detail, _ENCODER, number=version.number)
        else:
            yield Finding(pool.name, detail, _UNUSED_ENCODER, harmless=True, number=version.number)


def _of_version(catalog: Catalog, space: Space, pool: PoolRow) -> Iterator[Finding]:
    with catalog.reading() as connection:
        live = space.number in {version.number for version in live_versions(connection, pool.key)}

    def finding(detail: str) -> Finding:
        if live:
            return Finding(pool.name, detail, _REBUILD, number=space.number)
        return Finding(pool.name, detail, _OUT_OF_USE, harmless=True, number=space.number)

    try:
        manifest = space.manifest()
    except StoreCorruptError as error:
        yield finding(error.detail)
        return
    stored: list[Int64[np.ndarray, " _"]] = []
    for problem in _of_segments(space.folder, manifest, stored):
        yield finding(problem)
    with catalog.reading() as connection:
        living = np.array([image.row for image in images_by_row(connection, pool.key)], dtype=np.int64)
        stored += [rows for rows, _ in read_tail(connection, space, after=-1)]
    due = living if live else living[living <= manifest.sealed_through]
    lost = np.setdiff1d(due, np.concatenate([np.empty(0, np.int64), *stored]))
    if len(lost):
        told = "" if space.number == FROZEN else f" of encoder version {space.number}"
        yield finding(f"{len(lost)} demonstrations have no vector{told}, the first in row {lost[0]}")
    for path in orphans(space.folder, manifest):
        yield Finding(pool.name, f"no manifest names the file {path}", _HARMLESS, harmless=True)


def _of_segments(folder: Path, manifest: Manifest, stored: list[Int64[np.ndarray, " _"]]) -> Iterator[str]:
    for entry in manifest.segments:
        try:
            for name, sha256 in entry.files.items():
                if sha256_of(folder / name) != sha256:
                    yield f"the file {folder / name} was altered"
            stored.append(open_segment(folder, entry, manifest.dim).rows)
        except FileNotFoundError as error:
            yield f"the file {error.filename or error} is missing"
        except StoreCorruptError as error:
            yield error.detail


def _still_used(catalog: Catalog, hashes: Collection[str]) -> list[str]:
    """Those of some images that are used: pools may have been written to since they were looked up."""
    if not hashes:
        return []
    with catalog.reading() as connection:
        return sorted(referenced(connection, list(hashes)))


def _of_images(catalog: Catalog, blobs: Blobs, pools: list[PoolRow]) -> Iterator[Finding]:
    used: set[str] = set()
    for pool in pools:
        with catalog.reading() as connection:
            images = {image.sha256 for image in images_by_row(connection, pool.key)}
        new = sorted(images - used)
        for start in range(0, len(new), _IMAGES_AT_ONCE):
            some = new[start : start + _IMAGES_AT_ONCE]
            wrong = {sha256: found for sha256, found in zip(some, blobs.problems(some), strict=True) if found}
            for sha256 in _still_used(catalog, wrong):
                yield Finding(pool.name, wrong[sha256].detail, _UPSERT)
        used |= images
    with catalog.reading() as connection:
        pending = set(freed(connection))
    unused = set(blobs.stored()) - used
    if pending & unused:
        yield Finding(
            None, f"{len(pending & unused)} images that were deleted are still there", _PENDING, harmless=True
        )
    for sha256 in sorted(unused - pending):
        yield Finding(None, f"no demonstration uses the image {blobs.where(sha256)}", _HARMLESS, harmless=True)
    for path in blobs.leftovers():
        yield Finding(None, f"the file {path} is incomplete", _HARMLESS, harmless=True)
