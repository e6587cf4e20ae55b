"""The door to the database: how connections are set up, how transactions begin, what its failures become."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Select, create_engine, event, select
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, SQLAlchemyError

from index.catalog.tables import pools
from invariantselect.errors import CatalogUnavailableError, StoreCorruptError

__all__ = ["Catalog", "configuration", "migrate"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_TIMEOUT_MS = 30_000
_PRAGMAS = (
    f"busy_timeout = {_LOCK_TIMEOUT_MS}",
    "journal_mode = WAL",  # readers go on while one writes
    "synchronous = FULL",  # an acknowledged write survives a power cut
    "foreign_keys = ON",
)
_CONNECTIONS = 64


class Catalog:
    """A connected catalog, its tables up to date. Thread-safe.

    Args:
        url: A SQLAlchemy URL; ``sqlite:///`` with a path for the embedded catalog.

    Raises:
        CatalogUnavailableError: It can't be opened, or was written by a newer version of this project.
        StoreCorruptError: The file is not a database, or a damaged one.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, pool_size=8, max_overflow=_CONNECTIONS)
        # Writers of this process queue here, in turn, rather than poll for the database's lock.
        self._writers = threading.Lock()
        self._statements: dict[str, str] = {}
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        try:
            with self.writing() as connection:
                migrate(connection)
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction in which every statement sees the same state; it never waits for a writer.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        with _translated(), self._engine.connect() as connection:
            if self._engine.dialect.name != "sqlite":  # where a read transaction is consistent by nature
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends, and undone when it raises; one at a time.

        Raises:
            CatalogUnavailableError: The database doesn't answer, is locked for too long, or its disk is full.
        """
        with self._writers, _translated(), self._engine.connect() as connection:
            connection.execution_options(write=True)
            with connection.begin():
                yield connection

    def version_of(self, key: str) -> int | None:
        """A pool's present version, None when it was dropped. Asked before every search, so kept cheap.

        A statement with its parameter spelled out goes straight to the driver: a fifth of what Core needs.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        try:
            raw = self._engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(self._version_statement(key))
                found = cursor.fetchone()
                cursor.close()
            finally:
                raw.close()
        except (self._engine.dialect.loaded_dbapi.Error, SQLAlchemyError):
            with self.reading() as connection:  # says what is wrong
                found = connection.execute(_version(key)).one_or_none()
        return None if found is None else int(found[0])

    def _version_statement(self, key: str) -> str:
        statement = self._statements.get(key)
        if statement is None:
            compiled = _version(key).compile(self._engine, compile_kwargs={"literal_binds": True})
            statement = self._statements[key] = str(compiled)
        return statement

    def problems(self) -> list[str]:
        """What SQLite finds wrong with its file, and references that lead nowhere; empty for other databases.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        if self._engine.dialect.name != "sqlite":
            return []
        try:
            with self.reading() as connection:
                found = list(connection.exec_driver_sql("PRAGMA integrity_check").scalars())
                dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        except StoreCorruptError as error:
            return [error.detail]
        return [str(each) for each in found if each != "ok"] + [f"dangling reference {tuple(row)}" for row in dangling]

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _version(key: str) -> Select[tuple[int]]:
    return select(pools.c.version).where(pools.c.key == key)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A write takes its lock at the start: one that reads first and asks later can be refused for good.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def configuration(connection: Connection) -> Config:
    """What Alembic needs to work on this connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Bring the tables up to date, within the caller's write transaction; two processes take turns.

    Raises:
        CatalogUnavailableError: The database is of a revision that this version doesn't know.
    """
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise CatalogUnavailableError(
            f"the catalog was written by another version of invariantselect: {error}",
            hint="Upgrade invariantselect-server, or restore the data directory that belongs to this version.",
        ) from error


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the database's failures into ours. A broken constraint passes: the caller knows what it means.

    Raises:
        CatalogUnavailableError: The database doesn't answer, is locked for too long, or its disk is full.
        StoreCorruptError: The file is not a database, or a damaged one.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        if isinstance(error, OperationalError) or not _says_damaged(error):
            raise _unavailable(error) from error
        raise StoreCorruptError(
            f"the catalog is damaged: {error.orig}", hint="Restore catalog.sqlite3 from a backup."
        ) from error
    except SQLAlchemyError as error:
        raise _unavailable(error) from error


def _says_damaged(error: DatabaseError) -> bool:
    return "malformed" in str(error.orig) or "not a database" in str(error.orig)


def _unavailable(error: SQLAlchemyError) -> CatalogUnavailableError:
    return CatalogUnavailableError(f"the catalog doesn't answer: {getattr(error, 'orig', None) or error}")
