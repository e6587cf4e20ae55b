"""Where API keys are stored: a table of the service's own, beside the catalog's, with migrations of its own."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from filelock import FileLock
from sqlalchemy import Column, DateTime, MetaData, String, Table

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError

__all__ = ["api_keys", "metadata", "open_key_store"]

_MIGRATIONS = Path(__file__).parent / "migrations"

metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),  # the secret has 256 random bits, so a plain hash is enough
    Column("scope", String(16), nullable=False),
    Column("name", String(256), nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("revoked_at", DateTime),  # UTC
)


def open_key_store(data: Path) -> Catalog:
    """Connect to the database of a data directory and bring the table of keys up to date.

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
            f"the keys were written by another version of invariantselect: {error}",
            hint="Upgrade invariantselect-server, or restore the data directory that belongs to this version.",
        ) from error
