"""Where API keys and jobs are stored: tables of the service's own, with migrations of their own."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from index.catalog.engine import Catalog
from index.catalog.opening import open_catalog
from invariantselect.errors import CatalogUnavailableError

__all__ = ["open_store"]

_MIGRATIONS = Path(__file__).parent / "migrations"


def open_store(data: Path, database_url: str | None = None) -> Catalog:
    """Connect to the database of a data directory and bring the service's tables up to date.

    Args:
        data: The directory.
        database_url: Of the PostgreSQL that has its catalog; None for the SQLite file in it.

    Raises:
        CatalogUnavailableError: It can't be opened, or was written by a newer version of this project.
        StoreCorruptError: The file is not a database, or a damaged one.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        store = open_catalog(data, database_url, room="service")
    except OSError as error:
        raise CatalogUnavailableError(f"the data directory {data} can't be used: {error.strerror}") from error
    try:
        _migrate(store)
    except BaseException:
        store.close()
        raise
    return store


def _migrate(store: Catalog) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with store.migrating() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise CatalogUnavailableError(
            f"the service's tables were written by another version of invariantselect: {error}",
            hint="Upgrade invariantselect-server, or restore the data directory that belongs to this version.",
        ) from error
