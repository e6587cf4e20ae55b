"""The log of writes: a row is begun before anything is changed, and finished with what came of it.

So there is no write without a row: where the row can't be begun, nothing is changed either. A row that is never
finished tells of a write whose end nobody saw.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import JsonValue
from sqlalchemy import RowMapping, delete, insert, select, update

from index.catalog.engine import Catalog
from invariantselect.wire.audit import AuditEntry
from service.jobs.clock import utc_now
from service.jobs.rows import new_id
from service.tables import audit

__all__ = ["AuditRecord", "audit_page", "prune_audit"]

_BEGUN = "begun"
_A_POOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class AuditRecord:
    """The row of one write.

    Attributes:
        id: Of the row.
        pool: Which pool is changed, where that is known.
        subject: What else is worth keeping: counts, ids of jobs and keys.
    """

    def __init__(self, store: Catalog, id: str, pool: str | None, subject: dict[str, JsonValue]) -> None:
        self._store = store
        self.id = id
        self.pool = pool
        self.subject = subject

    @classmethod
    def begin(
        cls,
        store: Catalog,
        actor: str,
        action: str,
        *,
        pool: str | None = None,
        request_id: str | None = None,
        subject: Mapping[str, JsonValue] | None = None,
    ) -> Self:
        """Write the row of what is about to be done.

        Args:
            store: Where the table is.
            actor: Id of a key, ``local`` or ``cli``.
            action: What is done.
            pool: To which pool; a text that can't be a pool's name is left out.
            request_id: Of the request.
            subject: What is known of it already.

        Raises:
            CatalogUnavailableError: It can't be written, so nothing may be done.
        """
        pool = pool if pool is not None and _A_POOL.fullmatch(pool) else None
        record = cls(store, new_id(), pool, dict(subject or {}))
        values: dict[str, Any] = {"actor": actor, "action": action, "request_id": request_id, "outcome": _BEGUN}
        with store.writing() as connection:
            connection.execute(insert(audit).values(id=record.id, at=utc_now(), **values, **record._told()))
        return record

    def tell(self, **subject: JsonValue) -> None:
        """Add what is known by now; it is written when the row is finished."""
        self.subject |= subject

    def finish(self, outcome: str) -> None:
        """Write what came of it.

        Args:
            outcome: ``done``, or the code of an error.

        Raises:
            CatalogUnavailableError: It can't be written; the row stays as it was begun.
        """
        with self._store.writing() as connection:
            connection.execute(update(audit).where(audit.c.id == self.id).values(outcome=outcome, **self._told()))

    def _told(self) -> dict[str, str | None]:
        return {"pool": self.pool, "subject": json.dumps(self.subject)}


def audit_page(
    store: Catalog,
    *,
    before: str | None = None,
    limit: int = 100,
    pool: str | None = None,
    since: datetime | None = None,
    pools: Collection[str] | None = None,
) -> list[AuditEntry]:
    """Writes, the newest first.

    Args:
        store: Where the table is.
        before: Only those older than the one with this id.
        limit: How many at most.
        pool: Only those of this pool.
        since: Only those from a time on, with its zone.
        pools: Only those of one of these pools; None for any and none.
    """
    where = []
    if before is not None:
        where.append(audit.c.id < before)
    if pool is not None:
        where.append(audit.c.pool == pool)
    if since is not None:
        where.append(audit.c.at >= _naive(since))
    if pools is not None:
        where.append(audit.c.pool.in_(sorted(pools)))
    statement = select(audit).where(*where).order_by(audit.c.id.desc()).limit(limit)
    with store.reading() as connection:
        return [_entry(row) for row in connection.execute(statement).mappings()]


def prune_audit(store: Catalog, before: datetime) -> int:
    """Delete what is older than a time, with its zone; how many rows that were."""
    with store.writing() as connection:
        return connection.execute(delete(audit).where(audit.c.at < _naive(before))).rowcount


def _naive(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # on the first or the last day that there is
        return at.replace(tzinfo=None)


def _entry(row: RowMapping) -> AuditEntry:
    at = row["at"].replace(tzinfo=UTC)
    return AuditEntry.model_validate({**row, "at": at, "subject": json.loads(row["subject"])})
