"""What the broker forgot is announced again, and what nobody needs any more is thrown away."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, exists, select

from index.catalog.engine import Catalog
from service.jobs.clock import now_of
from service.jobs.queue import JobQueue
from service.jobs.rows import claimable
from service.tables import job_events, jobs

__all__ = ["forget_details", "remove_leftovers", "remove_untouched", "sweep"]

_KEPT = timedelta(days=7)


def sweep(store: Catalog, queue: JobQueue, stale_seconds: float) -> list[str]:
    """Announce each job that waits for a worker, or whose worker died, and that no message speaks of.

    Args:
        store: Where the tables are.
        queue: The broker.
        stale_seconds: After how long without a sign of life a worker counts as dead.

    Returns:
        Ids of the jobs that were announced, the oldest first.

    Raises:
        CatalogUnavailableError: The table doesn't answer.
    """
    with store.reading() as connection:
        waiting = select(jobs.c.id).where(claimable(now_of(connection), stale_seconds)).order_by(jobs.c.id)
        ids = list(connection.execute(waiting).scalars())
    known = queue.announced() if ids else set()
    if known is None:
        return []
    return [id for id in ids if id not in known and queue.announce(id)]


def remove_leftovers(store: Catalog, folder: Path) -> None:
    """Remove the checkpoints of jobs that are gone, or ended badly and weren't retried for a week."""
    found = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    if not found:
        return
    with store.reading() as connection:
        rows = connection.execute(select(jobs.c.id, jobs.c.finished_at).where(jobs.c.id.in_(found))).all()
        oldest = now_of(connection) - _KEPT
    needed = {row.id for row in rows if row.finished_at is None or row.finished_at > oldest}
    for name in found:
        if name not in needed:
            shutil.rmtree(folder / name, ignore_errors=True)


def forget_details(store: Catalog, days: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove the progress and logs of jobs that ended so many days ago; what they did and how they ended stays.

    One job a transaction, so that no other write waits long.

    Args:
        store: Where the tables are.
        days: 0 keeps all.
        stopped: Asked before each job; what is left is found again.

    Returns:
        Of how many jobs.

    Raises:
        CatalogUnavailableError: The table doesn't answer.
    """
    if not days:
        return 0
    details = job_events.c.event != "state"
    with store.reading() as connection:
        old = (
            jobs.c.finished_at < now_of(connection) - timedelta(days=days),
            exists().where(job_events.c.job_id == jobs.c.id, details),
        )
        found = list(connection.execute(select(jobs.c.id).where(*old)).scalars())
    for number, id in enumerate(found):
        if stopped():
            return number
        with store.writing() as connection:
            if connection.execute(select(jobs.c.id).where(jobs.c.id == id, *old)).one_or_none() is not None:
                connection.execute(delete(job_events).where(job_events.c.job_id == id, details))
    return len(found)


def remove_untouched(folder: Path, days: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove the files beneath a folder that were last written or touched so many days ago; folders stay.

    Args:
        folder: None is there where nothing was ever kept.
        days: 0 removes nothing.
        stopped: Asked before each file; what is left is found again.

    Returns:
        How many were removed. One that can't be, or that another worker removes, is passed over.
    """
    if not days:
        return 0
    removed, oldest = 0, time.time() - timedelta(days=days).total_seconds()
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if stopped():
                return removed
            try:
                if path.lstat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
            except OSError:
                continue  # it is tried again at the next cleaning
    return removed
