"""SQLite as the catalog's database: one file in the data directory, nothing to install or to run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

__all__ = ["sqlite_engine"]

_LOCK_TIMEOUT_MS = 30_000
_PRAGMAS = (
    f"busy_timeout = {_LOCK_TIMEOUT_MS}",
    "journal_mode = WAL",  # readers go on while one writes
    "synchronous = FULL",  # an acknowledged write survives a power cut
    "foreign_keys = ON",
)
_CONNECTIONS = 64


def sqlite_engine(url: URL) -> Engine:
    """An engine whose transactions say what they are for when they begin (option `kind`)."""
    engine = create_engine(url, pool_size=8, max_overflow=_CONNECTIONS, hide_parameters=True)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    # A write takes its lock at the start: one that reads first and asks later can be refused for good.
    reads = connection.get_execution_options()["kind"] == "reading"
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
