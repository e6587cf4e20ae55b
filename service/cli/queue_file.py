"""The broker's file in the data directory: it says nothing that the table of jobs doesn't, so it can be made anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["queue_problem", "renew_queue"]

_FILE = "queue.sqlite3"


def queue_problem(data: Path) -> str | None:
    """What is wrong with the file; None where nothing is, or where there is none."""
    path = data / "jobs" / _FILE
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.OperationalError as error:
        return None if "locked" in str(error) else f"the broker's file {path} is damaged: {error}"
    except sqlite3.DatabaseError as error:
        return f"the broker's file {path} is damaged: {error}"
    return None if found == ["ok"] else f"the broker's file {path} is damaged: {found[0]}"


def renew_queue(data: Path) -> bool:
    """Remove the file if it is damaged; whether it was. Workers make it anew and announce again what waits."""
    if queue_problem(data) is None:
        return False
    for path in (data / "jobs").glob(f"{_FILE}*"):
        path.unlink()
    return True
