"""The door to the database: how transactions begin and end, and what is done when it goes away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, RootTransaction, Select, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from index.catalog.connections_in_use import ConnectionsInUse
from index.catalog.failures import reason_of, translated
from index.catalog.outage import Outage
from index.catalog.postgresql import CONNECT_SECONDS, Room, is_postgresql, postgresql_engine
from index.catalog.sqlite import sqlite_engine
from index.catalog.tables import identity, pools
from invariantselect.errors import CatalogUnavailableError, StoreCorruptError

__all__ = ["Catalog", "configuration", "migrate"]

_MIGRATIONS = Path(__file__).parent / "migrations"

_TURN_SECONDS = 60.0  # longer than one of them waits for other processes

_Kind = Literal["reading", "writing", "migrating"]


class Catalog:
    """A connected catalog, its tables up to date. Thread-safe.

    Args:
        url: A URL: ``sqlite:///`` with a path for the embedded catalog, or ``postgresql://…``.
        room: Whose tables are written by way of it. In PostgreSQL the rooms don't wait for each other.

    Attributes:
        remote: Whether the database is a server, which may go away and come back.

    Raises:
        CatalogUnavailableError: It can't be opened, or was written by a newer version of this project.
        StoreCorruptError: The file is not a database, or a damaged one.
    """

    def __init__(self, url: str, room: Room = "index") -> None:
        try:
            made = make_url(url)
        except (ArgumentError, ValueError):
            raise CatalogUnavailableError("the URL of the database can't be read") from None  # it holds a password
        self.remote = is_postgresql(made)
        self._engine = postgresql_engine(made, room) if self.remote else sqlite_engine(made)
        # Whether the database is there is asked apart: who finds all others in use hasn't found it gone.
        self._asking = postgresql_engine(made, room, alone=True) if self.remote else self._engine
        self._in_use = [ConnectionsInUse(each) for each in (self._engine, self._asking)] if self.remote else []
        self._outage = Outage(2.0 * CONNECT_SECONDS)  # `version_of` tries twice
        # Writers of this process queue here rather than poll for the database's lock.
        self._writers = threading.Lock()
        self._statements: dict[str, str] = {}
        self._tell: Callable[[], object] = lambda: None
        try:
            with self.migrating() as connection:
                migrate(connection)
        except BaseException as error:
            self._engine.dispose()
            if self.lost_seconds is not None and isinstance(error, CatalogUnavailableError):
                raise CatalogUnavailableError(
                    f"the database can't be reached: {self.lost_because}",
                    hint="Start PostgreSQL, or correct INVARIANTSELECT_DATABASE_URL.",
                ) from error
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction in which every statement sees the same state; it never waits for a writer.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        with self._transaction("reading") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends, and undone when it raises; one at a time.

        Raises:
            CatalogUnavailableError: The database doesn't answer, is locked for too long, or its disk is full. If the
                connection breaks while the end is being written down, nobody knows whether it was.
        """
        with self._my_turn(), self._transaction("writing") as connection:
            yield connection
        self._tell()

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """The same for changing tables: of all processes and rooms one at a time.

        Raises:
            CatalogUnavailableError: As `writing`.
        """
        with self._my_turn(), self._transaction("migrating") as connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._writers.acquire(timeout=_TURN_SECONDS):
            raise CatalogUnavailableError(
                f"other writes of this process have kept the database for {_TURN_SECONDS:g} s"
            )
        try:
            yield
        finally:
            self._writers.release()

    def version_of(self, key: str) -> int | None:
        """A pool's present version, None when it was dropped. Asked before every search, so kept cheap.

        A statement with its parameter spelled out goes straight to the driver: a fifth of what Core needs. It is a
        transaction of its own, so none stays open.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        self._outage.check()
        try:
            found = self._fetched(self._engine, key)
        except (self._engine.dialect.loaded_dbapi.Error, SQLAlchemyError):
            with self._transaction("reading", my_turn=True) as connection:  # connects anew, or says what is wrong
                found = connection.execute(_version(key)).one_or_none()
        self._outage.end()
        return None if found is None else int(found[0])

    def ask(self) -> None:
        """Ask for next to nothing, over a connection of its own: for one thread that looks whether it is there.

        Raises:
            CatalogUnavailableError: It doesn't answer.
        """
        try:
            self._fetched(self._asking, "")
        except (self._asking.dialect.loaded_dbapi.Error, SQLAlchemyError):
            with translated(remote=self.remote):
                self._asked_anew()  # connects anew, or says what is wrong
        self._outage.end()

    def _asked_anew(self) -> None:
        try:
            with self._asking.connect().execution_options(kind="reading") as connection:
                connection.execute(_version(""))
        except DBAPIError as error:
            if self.remote:
                self._outage.begin(reason_of(error))
            raise

    def _fetched(self, engine: Engine, key: str) -> Any:
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(self._version_statement(key))
            found = cursor.fetchone()
            cursor.close()
        except BaseException:
            raw.invalidate()
            raise
        finally:
            raw.close()
        return found

    def identity(self) -> str:
        """A name that no other catalog has, given when its tables were made: 32 hexadecimal digits.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        with self.reading() as connection:
            return str(connection.execute(select(identity.c.id)).scalar_one())

    def when_written(self, tell: Callable[[], object]) -> None:
        """Have something called after each write by way of this catalog, once it is durable. It must not raise."""
        self._tell = tell

    def give_up(self) -> None:
        """Take a server that keeps everybody waiting for one that is gone: those who wait are told so, others don't."""
        self._outage.begin("it takes connections and doesn't answer")
        for connections in self._in_use:
            connections.cut()

    def let_go(self, seconds: float) -> None:
        """While a server is taken for gone: tell those who have waited for it for so many seconds."""
        if self.lost_seconds is not None:
            for connections in self._in_use:
                connections.cut(longer_than=seconds)

    @property
    def lost_seconds(self) -> float | None:
        """For how long a database that is a server has been away; None while it is there, as far as is known."""
        return self._outage.seconds

    @property
    def lost_because(self) -> str:
        """Why it couldn't be reached the last time; for the operator alone."""
        return self._outage.reason

    def problems(self) -> list[str]:
        """What SQLite finds wrong with its file, and references that lead nowhere; empty for other databases.

        Raises:
            CatalogUnavailableError: The database doesn't answer.
        """
        if self.remote:
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
        self._asking.dispose()

    @contextmanager
    def _transaction(self, kind: _Kind, *, my_turn: bool = False) -> Iterator[Connection]:
        if not my_turn:
            self._outage.check()
        with translated(remote=self.remote):
            connection, transaction = self._begun(kind)
            with connection, transaction:
                yield connection

    def _begun(self, kind: _Kind) -> tuple[Connection, RootTransaction]:
        """A new transaction. Its first statement tells a connection that has died since from one that hasn't."""
        try:
            try:
                begun = self._begin(kind)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                begun = self._begin(kind)  # on a new one: with a dead connection goes all that was pooled before
        except DBAPIError as error:
            if self.remote and (error.connection_invalidated or error.statement is None):  # it couldn't even connect
                self._outage.begin(reason_of(error))
            raise
        self._outage.end()
        return begun

    def _begin(self, kind: _Kind) -> tuple[Connection, RootTransaction]:
        connection = self._engine.connect().execution_options(kind=kind)
        try:
            return connection, connection.begin()
        except BaseException:
            connection.close()
            raise

    def _version_statement(self, key: str) -> str:
        statement = self._statements.get(key)
        if statement is None:
            compiled = _version(key).compile(self._engine, compile_kwargs={"literal_binds": True})
            statement = self._statements[key] = str(compiled)
        return statement


def _version(key: str) -> Select[tuple[int]]:
    return select(pools.c.version).where(pools.c.key == key)


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
