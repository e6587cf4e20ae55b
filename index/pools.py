"""The door to a data directory: make, open, list and drop pools."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from index.blobs.opening import open_blobs
from index.catalog.opening import open_catalog
from index.catalog.pool_rows import (
    PoolRow,
    add_pool,
    all_pools,
    check_not_a_base,
    find_pool,
    get_pool,
    pool_versions,
    remove_pool,
)
from index.catalog.version_rows import add_version
from index.durable_files import storing
from index.encoder_version import FROZEN, EncoderVersion
from index.pool import SEAL_AT, Pool
from index.removing import never, remove_dropped, remove_freed
from index.sealing import exclusive
from invariantselect.errors import CatalogUnavailableError, InvalidRequestError, PoolNotFoundError
from invariantselect.wire.base import PoolName

__all__ = ["Pools"]

_log = logging.getLogger("index.pools")
_NAME: TypeAdapter[str] = TypeAdapter(PoolName)


class Pools:
    """All pools of a data directory, made if it doesn't exist. Thread-safe; several processes may open it at once.

    Args:
        data: The directory: ``catalog.sqlite3``, ``blobs/``, ``pools/<key>/``, ``encoders/<key>/``.
        seal_at: After how many writes a pool seals by itself.
        database_url: Of the PostgreSQL that has the catalog in place of the file.
        images_url: Of the object store that has the images in place of the folder: ``s3://bucket/folder``.

    Raises:
        CatalogUnavailableError: The directory, the database or the object store can't be opened, or they don't belong
            together.
        StoreCorruptError: The database is damaged.
        InvalidRequestError: There is nothing here that speaks S3.
    """

    def __init__(
        self, data: Path, *, seal_at: int = SEAL_AT, database_url: str | None = None, images_url: str | None = None
    ) -> None:
        self._folders = data / "pools"
        self._data = data
        try:
            self._folders.mkdir(parents=True, exist_ok=True)
            self._blobs = open_blobs(data, images_url)
            self._catalog = open_catalog(data, database_url)
        except OSError as error:
            raise CatalogUnavailableError(f"the data directory {data} can't be used: {error.strerror}") from error
        self._seal_at = seal_at
        self._opened: dict[str, Pool] = {}
        self._named: dict[str, Pool] = {}  # as they were called when they were last seen
        self._lock = threading.Lock()

    def create(self, name: str, encoder: str, fingerprint: str, dim: int, *, looks_at_domains: bool = False) -> Pool:
        """Make an empty pool. Its encoder becomes number 1 of its encoder versions.

        Args:
            name: 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit.
            encoder: Name of the encoder in whose space it is searched.
            fingerprint: Of that encoder.
            dim: Length of its vectors.
            looks_at_domains: Whether a vector depends on the domain of its demonstration; where that isn't known, as
                of an encoder that was adapted, True is safe.

        Raises:
            InvalidRequestError: The name is not allowed.
            PoolExistsError: The name is taken.
        """
        try:
            _NAME.validate_python(name, strict=True)
        except ValidationError as error:
            raise InvalidRequestError(
                f"{name!r} can't be the name of a pool",
                hint="Use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit.",
            ) from error
        row = PoolRow(
            key=uuid.uuid4().hex,
            name=name,
            encoder=encoder,
            fingerprint=fingerprint,
            dim=dim,
            version=1,
            next_row=0,
            created_at=datetime.now(UTC),
        )
        version = EncoderVersion(
            FROZEN, encoder, fingerprint, dim, looks_at_domains, "frozen", {}, created_at=row.created_at
        )
        with self._catalog.writing() as connection:
            add_pool(connection, row)
            add_version(connection, row.key, version)
        return self._pool(row)

    def open(self, name: str) -> Pool:
        """The pool with a name; the same object for as long as the pool isn't dropped.

        While the catalog doesn't answer, a pool that was opened before is given out all the same: its last snapshot
        can be searched.

        Raises:
            PoolNotFoundError: There is none.
            CatalogUnavailableError: The catalog doesn't answer, and this process hasn't opened it before.
        """
        known = self._named.get(name)
        try:
            if known is not None:
                if self._catalog.version_of(known.key) is not None:
                    return known
                self._forget(known)
            with self._catalog.reading() as connection:
                row = find_pool(connection, name)
        except CatalogUnavailableError:
            if known is None:
                raise
            return known
        return self._pool(row)

    def list(self) -> list[Pool]:
        """All pools, by name."""
        with self._catalog.reading() as connection:
            rows = all_pools(connection)
        found = []
        for row in rows:
            with suppress(PoolNotFoundError):  # dropped since; what is made of its folder, a worker removes
                found.append(self._pool(row))
        return found

    def check_may_be_dropped(self, name: str) -> None:
        """Refuse what `drop` refuses: for who ends something else before.

        Raises:
            PoolNotFoundError: There is none.
            EncoderVersionInUseError: Another pool was made with an encoder that was adapted to it.
        """
        pool = self.open(name)
        with self._catalog.reading() as connection:
            check_not_a_base(connection, pool.key, name)

    def drop(self, name: str, *, key: str | None = None, stopped: Callable[[], bool] = never) -> None:
        """Remove a pool, its segments, and the images that no other pool uses. Snapshots in use stay usable.

        Args:
            name: Of the pool.
            key: Of the pool, for who must not drop another that has got its name meanwhile.
            stopped: Asked now and then once it is gone; what is left of its files then, a worker removes.

        Raises:
            PoolNotFoundError: There is none.
            EncoderVersionInUseError: Another pool was made with an encoder that was adapted to it.
        """
        pool = self.open(name)
        if key not in (None, pool.key):
            raise PoolNotFoundError(f"the pool {name!r} was dropped, and another has its name", pool=name)
        with ExitStack() as stack:
            for folder in pool.folders():  # a seal or a filling must not write into a folder that is going away
                stack.enter_context(exclusive(folder, wait=True))
            with self._catalog.writing() as connection:
                get_pool(connection, pool.key, name)
                check_not_a_base(connection, pool.key, name)
                remove_pool(connection, pool.key)
            shutil.rmtree(self._folders / pool.key, ignore_errors=True)
        self._forget(pool)
        try:
            self.finish_removals(stopped)
        except CatalogUnavailableError as error:  # it was dropped all the same
            _log.warning("files of the pool %s are still there; a worker removes them: %s", name, error.detail)

    def finish_removals(self, stopped: Callable[[], bool] = never) -> None:
        """Remove what was deleted or dropped by whoever died before its files were gone.

        Args:
            stopped: Asked now and then; what is left is found again.

        Raises:
            CatalogUnavailableError: The database doesn't answer, or the disk can't be written.
        """
        remove_dropped(self._catalog, self._data)
        remove_freed(self._catalog, self._blobs, stopped)

    @property
    def lost_seconds(self) -> float | None:
        """For how long the catalog hasn't answered; None while it does, as far as is known, and for one in SQLite."""
        return self._catalog.lost_seconds

    @property
    def lost_because(self) -> str:
        """Why, for the operator alone."""
        return self._catalog.lost_because

    def ask(self) -> None:
        """Ask the catalog for next to nothing.

        Raises:
            CatalogUnavailableError: It doesn't answer.
        """
        self._catalog.ask()

    def give_up(self) -> None:
        """Take a catalog that keeps everybody waiting for one that is gone; see `index.catalog.engine.Catalog`."""
        self._catalog.give_up()

    def let_go(self, seconds: float) -> None:
        """While the catalog is taken for gone, tell those who have waited for it for so many seconds."""
        self._catalog.let_go(seconds)

    @property
    def searchable(self) -> bool:
        """Whether some pool could be searched without the catalog."""
        return any(pool.last_snapshot() is not None for pool in list(self._opened.values()))

    def catch_up(self) -> Sequence[Pool]:
        """Load what others have written to the pools that are searched here, so that the next search needn't.

        Returns:
            The pools that had changed.

        Raises:
            CatalogUnavailableError: The catalog doesn't answer.
            StoreCorruptError: A vector or a file of a pool is lost or damaged.
        """
        with self._catalog.reading() as connection:
            versions = pool_versions(connection)
        changed = []
        for pool in list(self._opened.values()):
            if pool.key not in versions:
                self._forget(pool)
                continue
            with suppress(PoolNotFoundError):  # dropped just now
                if pool.catch_up(versions[pool.key]):
                    changed.append(pool)
        return changed

    def when_written(self, tell: Callable[[], object]) -> None:
        """Have something called after each write of this process, once it is durable."""
        self._catalog.when_written(tell)

    def close(self) -> None:
        """Close the database; pools that were opened can't be used any more."""
        self._catalog.close()

    def __enter__(self) -> Pools:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pool(self, row: PoolRow) -> Pool:
        with self._lock:
            pool = self._opened.get(row.key)
            if pool is None:
                folder = self._folders / row.key
                with storing(folder):
                    folder.mkdir(exist_ok=True)
                pool = Pool(self._catalog, self._blobs, folder, row, seal_at=self._seal_at)
                pool.clear_leftovers()
                self._opened[row.key] = pool
            self._named[row.name] = pool
            return pool

    def _forget(self, pool: Pool) -> None:
        with self._lock:
            self._opened.pop(pool.key, None)
            if self._named.get(pool.name) is pool:
                del self._named[pool.name]
