"""Jobs in a copy of a data directory: whoever runs them there has none of their checkpoints."""

from __future__ import annotations

from sqlalchemy import select, update

from index.catalog.engine import Catalog
from service.jobs.clock import now_of
from service.jobs.events import add_state
from service.tables import jobs

__all__ = ["cancel_unfinished"]


def cancel_unfinished(store: Catalog) -> int:
    """Cancel all jobs that haven't ended; how many there were. Each can be retried, and then begins anew.

    The original may be doing them still, and some cost money.
    """
    with store.writing() as connection:
        unfinished = select(jobs.c.id, jobs.c.attempt).where(jobs.c.state.in_(["queued", "running"]))
        found = connection.execute(unfinished).all()
        ended = {"state": "cancelled", "worker": None, "finished_at": now_of(connection)}
        for job in found:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(ended))
            add_state(connection, job.id, job.attempt, "cancelled")
    return len(found)
