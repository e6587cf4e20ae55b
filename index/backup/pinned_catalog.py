"""The catalog as of one moment, held while others write on, and copied at leisure.

Source: SQLite, https://sqlite.org/c3ref/backup_finish.html: a backup whose source is within a read transaction copies
what that sees.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from invariantselect.errors import CatalogUnavailableError

__all__ = ["PinnedCatalog", "pinned"]

_LOCK_SECONDS = 30.0


class PinnedCatalog:
    """A database within a read transaction, as `pinned` makes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def copy_to(self, path: Path) -> None:
        """Write the whole database to a new file, in one piece.

        Raises:
            CatalogUnavailableError: The database can't be read, or the disk is full.
        """
        try:
            with closing(sqlite3.connect(path)) as copy:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # no second file beside it
        except sqlite3.Error as error:
            raise CatalogUnavailableError(f"the catalog can't be copied: {error}") from error


@contextmanager
def pinned(path: Path) -> Iterator[PinnedCatalog]:
    """Hold a database as it is now; in WAL mode nobody waits for this.

    Raises:
        CatalogUnavailableError: It can't be read.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_LOCK_SECONDS)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the first statement is what begins it
    except sqlite3.Error as error:
        raise CatalogUnavailableError(f"the catalog can't be read: {error}") from error
    with closing(connection):
        yield PinnedCatalog(connection)
