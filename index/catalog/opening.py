"""The catalog of a data directory: a file in it, or a database beside it that several replicas share.

A directory and a database that don't belong together would lose images and call whole pools leftovers. So a directory
whose catalog lies elsewhere says which one it is.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from index.catalog.engine import Catalog
from index.catalog.pool_rows import all_pools
from index.catalog.postgresql import Room
from index.durable_files import write_durably
from invariantselect.errors import CatalogUnavailableError

__all__ = ["CATALOG_FILE", "open_catalog"]

CATALOG_FILE = "catalog.sqlite3"
_IDENTITY_FILE = "catalog.id"
_SETTING = "INVARIANTSELECT_DATABASE_URL"


def open_catalog(data: Path, database_url: str | None = None, *, room: Room = "index") -> Catalog:
    """Connect to the catalog of a data directory that exists, and bring its tables up to date.

    Args:
        data: The directory.
        database_url: Of the PostgreSQL that has its catalog; None for the SQLite file in it.
        room: Whose tables are written by way of it.

    Raises:
        CatalogUnavailableError: It can't be opened, was written by a newer version, or belongs to another directory.
        StoreCorruptError: The file is not a database, or a damaged one.
        OSError: The directory can't be written to.
    """
    if database_url is None:
        return _embedded(data, room)
    catalog = Catalog(database_url, room)
    try:
        _check_that_they_belong_together(data, catalog)
    except BaseException:
        catalog.close()
        raise
    return catalog


def _embedded(data: Path, room: Room) -> Catalog:
    if (data / _IDENTITY_FILE).exists():
        raise CatalogUnavailableError(
            f"the catalog of {data} is in PostgreSQL", hint=f"Set {_SETTING} as the servers of these pools have it."
        )
    with FileLock(data / "catalog.lock"):  # the first to come makes the file
        return Catalog(f"sqlite:///{data / CATALOG_FILE}", room)


def _check_that_they_belong_together(data: Path, catalog: Catalog) -> None:
    own, file = catalog.identity(), data / _IDENTITY_FILE
    if file.exists():
        if file.read_text("ascii").strip() != own:
            raise CatalogUnavailableError(
                f"the data directory {data} belongs to another database",
                hint=f"Correct {_SETTING} or INVARIANTSELECT_DATA: pools are half in the one, half in the other.",
            )
        return
    if (data / CATALOG_FILE).exists():
        raise CatalogUnavailableError(
            f"the data directory {data} has its catalog in {CATALOG_FILE}",
            hint=f"Export its pools without {_SETTING}, then import them with it into an empty directory.",
        )
    with catalog.reading() as connection:
        pools = all_pools(connection)
    if pools:
        raise CatalogUnavailableError(
            f"the database has {len(pools)} pools whose files are not in the data directory {data}",
            hint="Give all replicas the same folder. If this is it, restored without its "
            f"{_IDENTITY_FILE}, write {own} into that file.",
        )
    write_durably(file, own.encode("ascii"))
