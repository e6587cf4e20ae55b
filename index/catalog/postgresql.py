"""PostgreSQL as the catalog's database: for several replicas that share a data directory.

SQLite lets one write at a time, and everything above relies on that: a row number that nobody else gives out, an image
that nobody begins to use while it is thrown away. Here an advisory lock gives the same. It is taken as a write begins
and goes with its transaction, so a writer that dies holds nobody up.
Source: PostgreSQL 17 documentation, "Advisory Locks", https://www.postgresql.org/docs/17/explicit-locking.html.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event

from invariantselect.errors import CatalogUnavailableError

__all__ = ["CONNECT_SECONDS", "Room", "is_postgresql", "postgresql_engine"]

Room = Literal["index", "service"]
"""Whose tables are written. Those of the service don't wait for those of the pools: a switch encodes under its lock."""

CONNECT_SECONDS = 2
"""How long a database may take to accept a connection."""

_CONNECTIONS, _MORE_CONNECTIONS = 4, 8
_CONNECTION_SECONDS = 10  # that a thread waits for a connection which another thread has
_LOCKS = 0x69736C74  # the first half of our locks' numbers, so that they are nobody else's
_NUMBERS: dict[str, int] = {"migrating": 0, "index": 1, "service": 2}
_SESSION = {
    "lock_timeout": "30s",  # as long as SQLite waits
    "statement_timeout": "120s",  # longer than dropping a pool of a million takes
    "idle_in_transaction_session_timeout": "600s",  # a replica that was cut off mustn't hold the lock for ever
    "timezone": "UTC",
}
_NETWORK: dict[str, Any] = {  # a server that vanished without a word is noticed after about ten seconds
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "invariantselect",
}


def is_postgresql(url: URL) -> bool:
    """Whether a URL is one of PostgreSQL."""
    return url.drivername in ("postgres", "postgresql", "postgresql+psycopg")


def postgresql_engine(url: URL, room: Room, *, alone: bool = False) -> Engine:
    """An engine whose transactions say what they are for when they begin (option `kind`).

    Args:
        url: ``postgresql://user:password@host/database``; what its query says goes before our time limits.
        room: Whose tables its writes are about.
        alone: Whether it has a single connection, for one thread.

    Raises:
        CatalogUnavailableError: The driver isn't installed.
    """
    given = {name: value for name, value in _NETWORK.items() if name not in url.query}
    session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    theirs = url.query.get("options", "")
    options = f"{session} {theirs if isinstance(theirs, str) else ' '.join(theirs)}".rstrip()
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=1 if alone else _CONNECTIONS,
            max_overflow=0 if alone else _MORE_CONNECTIONS,
            pool_timeout=_CONNECTION_SECONDS,
            connect_args={**given, "options": options},
            hide_parameters=True,
        )
    except ModuleNotFoundError as error:
        raise CatalogUnavailableError(
            "a catalog in PostgreSQL needs the package psycopg",
            hint="pip install 'invariantselect-server[postgres]'",
        ) from error
    event.listen(engine, "connect", _set_up)

    def begin(connection: Connection) -> None:
        kind: str = connection.get_execution_options()["kind"]
        connection.exec_driver_sql(_beginning(kind, room), execution_options={"no_parameters": True})

    event.listen(engine, "begin", begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    connection.autocommit = True  # the driver must not begin transactions behind our back; a lone SELECT needs none


def _beginning(kind: str, room: Room) -> str:
    if kind == "reading":
        return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    # In READ COMMITTED each statement behind the lock sees all that was committed by those who had it before.
    number = _NUMBERS["migrating" if kind == "migrating" else room]
    limits = "; SET LOCAL statement_timeout = 0" if kind == "migrating" else ""
    return f"BEGIN{limits}; SELECT pg_advisory_xact_lock({_LOCKS}, {number})"
