"""Making a backup while the data directory is used.

Nearly everything in a data directory never changes under its name: images, segments, encoders, reports. So most of it
is copied first, while everything goes on. Then writes wait for a moment: the catalog is pinned, and what is new since
is opened, so that it can be removed and copied all the same. Then writes go on, and the rest is copied.

No image is removed and no vector forgotten without the write lock, and a seal or a rebuild that publishes meanwhile
leaves what one leaves that died right afterwards: so catalog, manifests and files are of one moment.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from index.backup.listing import CATALOG, LISTING, Listed, Listing, parse_listing
from index.backup.pinned_catalog import pinned
from index.backup.targets import Target, target_at
from index.blobs.opening import open_blobs
from index.catalog.demonstration_rows import all_images
from index.catalog.engine import Catalog
from index.catalog.opening import open_catalog
from index.catalog.pool_rows import all_pools
from index.catalog.version_rows import all_versions
from index.encoder_inspection import damaged_encoders
from index.encoder_version import FROZEN, EncoderVersion
from index.manifest import FILE, Manifest, manifest_bytes
from index.space import VERSIONS, Space
from invariantselect.errors import InvalidRequestError, PoolNotFoundError, StoreCorruptError

__all__ = ["back_up"]

_PASSES = 2  # over what is there, before writes wait: what came during the first is little
_OPEN_AT_ONCE = 200
_DESCRIPTION = "encoder.json"


def back_up(data: Path, out: Path, *, code_version: str, images_url: str | None = None) -> Listing:
    """Write a backup of a data directory that may be in use. Queries go on; writes wait for a moment.

    Args:
        data: The data directory, its catalog in SQLite.
        out: Absent or empty; a tar file where the name ends with ``.tar``.
        code_version: Written into the backup.
        images_url: Of the object store that has its images, which are copied like all else; None for the folder in it.

    Returns:
        What the backup holds.

    Raises:
        PoolNotFoundError: There is no catalog in the data directory.
        InvalidRequestError: There is something at `out`, or it can't be written.
        StoreCorruptError: Something that the catalog needs is lost or damaged; it is named, and nothing is written.
        CatalogUnavailableError: The database or the object store doesn't answer.
    """
    if not (data / CATALOG).is_file():
        raise PoolNotFoundError(
            f"there is no {CATALOG} in {data}",
            hint="Name the data directory with --data. A catalog in another database is saved by its own tools: see "
            "docs/operations.md.",
        )
    with closing(open_catalog(data)) as catalog:
        target = target_at(out)
        try:
            return _Backup(catalog, data, target, code_version, images_url).run()
        except OSError as error:
            raise InvalidRequestError(
                f"no backup could be made: {error.filename or out}: {error.strerror or error}", hint="Check the disks."
            ) from error
        finally:
            target.abandon()


class _Backup:
    def __init__(self, catalog: Catalog, data: Path, target: Target, code_version: str, images_url: str | None) -> None:
        self._catalog = catalog
        self._data = data
        self._target = target
        self._code_version = code_version
        self._blobs = open_blobs(data, images_url)
        self._written: dict[str, Listed] = {}
        self._opened: list[tuple[str, BinaryIO, str | None]] = []
        self._needed: set[str] = set()
        self._manifests: dict[str, bytes] = {}

    def run(self) -> Listing:
        self._check_encoders()
        for _ in range(_PASSES):
            self._copy_what_is_there()
        with ExitStack() as held:
            with self._catalog.writing() as connection:
                now = datetime.now(UTC)
                catalog = held.enter_context(pinned(self._data / CATALOG))
                self._collect(connection)
            self._settle()
            with tempfile.TemporaryDirectory(prefix="invariantselect-backup-") as folder:
                catalog.copy_to(Path(folder) / CATALOG)
                self._copy(CATALOG, _file(Path(folder) / CATALOG))
            for name, content in self._manifests.items():
                with tempfile.TemporaryFile() as file:
                    file.write(content)
                    file.seek(0)
                    self._write(name, file, None)
        for name in self._written.keys() - self._needed - self._manifests.keys() - {CATALOG}:
            self._target.forget(name)
            del self._written[name]
        files = tuple(self._written[name] for name in sorted(self._written))
        content = Listing(now, self._code_version, files).dump()
        listing = parse_listing(content)  # what couldn't be restored is no backup
        self._target.publish(LISTING, content)
        return listing

    def _check_encoders(self) -> None:
        """Refuse where an encoder that serves is lost or damaged: it can't be made again."""
        with self._catalog.reading() as connection:
            versions = [(pool.key, all_versions(connection, pool.key)) for pool in all_pools(connection)]
        for key, every in versions:
            serving = [version for version in every if version.state == "serving"]
            for _, detail in damaged_encoders(self._data / "encoders", key, serving):
                raise StoreCorruptError(detail, hint="Go back to another version: invariantselect rollback.")

    def _copy_what_is_there(self) -> None:
        """Whatever vanishes meanwhile, or is damaged, isn't needed: else it is missed once the catalog is pinned."""
        with self._catalog.reading() as connection:
            pools = [(pool.key, all_versions(connection, pool.key)) for pool in all_pools(connection)]
        for sha256 in self._blobs.stored():
            with suppress(FileNotFoundError, StoreCorruptError):
                self._copy(_blob(sha256), partial(self._blobs.open, sha256), sha256)
        for key, versions in pools:
            for version in versions:
                space = Space.of(key, self._data / "pools" / key, version)
                with suppress(FileNotFoundError, StoreCorruptError):
                    for name, path, sha256 in _segments(space, space.manifest()):
                        self._copy(name, _file(path), sha256)
        for name, path in _folders(self._data):
            with suppress(FileNotFoundError):
                self._copy(name, _file(path))

    def _collect(self, connection: Connection) -> None:
        """Open what the catalog needs at this moment and what isn't copied yet. Nobody can write meanwhile."""
        for sha256 in sorted(all_images(connection)):
            try:
                self._need(_blob(sha256), partial(self._blobs.open, sha256), sha256)
            except FileNotFoundError as error:
                raise StoreCorruptError(f"the image {sha256} is lost") from error
        for pool in all_pools(connection):
            for version in all_versions(connection, pool.key):
                self._collect_version(Space.of(pool.key, self._data / "pools" / pool.key, version), version)
        for name, path in _folders(self._data):
            with suppress(FileNotFoundError):
                self._need(name, _file(path))

    def _collect_version(self, space: Space, version: EncoderVersion) -> None:
        try:
            manifest = self._opened_manifest(space) if version.live else self._copied_manifest(space)
        except StoreCorruptError:
            if version.live:
                raise
            return  # what isn't searched is made whole before it is
        if manifest is not None and manifest.generation:
            self._needed |= {name for name, *_ in _segments(space, manifest)}
            self._manifests[f"{_folder_of(space)}/{FILE}"] = manifest_bytes(manifest)

    def _opened_manifest(self, space: Space) -> Manifest:
        seen: Manifest | None = None
        while True:
            manifest = space.manifest()
            try:
                for name, path, sha256 in _segments(space, manifest):
                    self._open(name, _file(path), sha256)
            except FileNotFoundError as error:
                if manifest == seen:
                    raise StoreCorruptError(f"the file {error.filename} is missing") from error
                seen = manifest  # sealed meanwhile: the next manifest needs other files
            else:
                return manifest

    def _copied_manifest(self, space: Space) -> Manifest | None:
        """That of a version out of use, where all of its segments were sound when they were copied."""
        manifest = space.manifest()
        names = {name for name, *_ in _segments(space, manifest)}
        return manifest if names <= self._written.keys() else None

    def _need(self, name: str, opened: Callable[[], BinaryIO], sha256: str | None = None) -> None:
        self._needed.add(name)
        self._open(name, opened, sha256)

    def _open(self, name: str, opened: Callable[[], BinaryIO], sha256: str | None) -> None:
        if name not in self._written and all(name != known for known, *_ in self._opened):
            self._opened.append((name, opened(), sha256))
            if len(self._opened) >= _OPEN_AT_ONCE:
                self._settle()

    def _settle(self) -> None:
        while self._opened:
            name, file, sha256 = self._opened.pop()
            with file:
                self._write(name, file, sha256)

    def _copy(self, name: str, opened: Callable[[], BinaryIO], sha256: str | None = None) -> None:
        if name not in self._written:
            with opened() as file:
                self._write(name, file, sha256)

    def _write(self, name: str, file: BinaryIO, sha256: str | None) -> None:
        size, found = self._target.write(name, file)
        if sha256 not in (None, found):
            self._target.forget(name)
            raise StoreCorruptError(f"the file {self._data / name} was altered")
        self._written[name] = Listed(name, size, found)


def _file(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _blob(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _folder_of(space: Space) -> str:
    below = "" if space.number == FROZEN else f"/{VERSIONS}/{space.number}"
    return f"pools/{space.key}{below}"


def _segments(space: Space, manifest: Manifest) -> Iterator[tuple[str, Path, str]]:
    for entry in manifest.segments:
        for file, sha256 in entry.files.items():
            yield f"{_folder_of(space)}/{file}", space.folder / file, sha256


def _folders(data: Path) -> Iterator[tuple[str, Path]]:
    """Files of stored encoders and of reports, each written once; not what can be made again, or is being made."""
    encoders = [path.parent for path in (data / "encoders").glob(f"**/{_DESCRIPTION}")]
    for folder in [*encoders, *(data / "reports").glob("*/*")]:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file() and not path.name.startswith(".") and path.suffix not in (".tmp", ".part"):
                yield path.relative_to(data).as_posix(), path
