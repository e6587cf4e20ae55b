"""Where API keys and jobs are stored: tables of the service's own, with migrations of their own."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from filelock import FileLock

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError

__all__ = ["open_store"]

_MIGRATIONS = Path(__file__).parent / "migrations"


def open_store(data: Path) -> Catalog:
    """Connect to the database of a data directory and bring the service's tables up to date.

    Raises:
        CatalogUnavailableError: It can't be opened, or was written by a newer version of this project.
        StoreCorruptError: The file is not a database, or a damaged one.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        with FileLock(data / "catalog.lock"):  # the first to come makes the tables
            store = Catalog(f"sqlite:///{data / 'catalog.sqlite3'}")
            _migrate(store)
    except OSError as error:
        raise CatalogUnavailableError(f"the data directory {data} can't be used: {error.strerror}") from error
    return store


def _migrate(store: Catalog) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with store.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        store.close()
        raise CatalogUnavailableError(
            f"the service's tables were written by another version of invariantselect: {error}",
            hint="Upgrade invariantselect-server, or restore the data directory that belongs to this version.",
        ) from error
