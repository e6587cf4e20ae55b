"""Where jobs are handed in and asked after: by the routes, and by the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import Any

from pydantic import BaseModel
from sqlalchemy import RowMapping, select

from index.catalog.engine import Catalog
from invariantselect.errors import IdempotencyKeyReusedError, JobStateError
from invariantselect.wire.jobs import Job, JobEvent, JobState
from service.jobs import rows
from service.jobs.events import EventName, events_after
from service.jobs.queue import JobQueue, open_queue
from service.settings import Settings
from service.store import open_store
from service.tables import jobs

__all__ = ["JobDesk", "open_desk"]


class JobDesk:
    """The jobs of a data directory. Thread-safe.

    Args:
        store: Where the tables are.
        queue: The broker that tells the workers.
        stale_seconds: After how long without a sign of life a worker counts as dead.
    """

    def __init__(self, store: Catalog, queue: JobQueue, stale_seconds: float) -> None:
        self._store = store
        self._queue = queue
        self._stale_seconds = stale_seconds

    def submit(
        self,
        kind: str,
        request: BaseModel,
        *,
        pool: str | None = None,
        idempotency_key: str | None = None,
        announce: bool = True,
    ) -> Job:
        """Queue a job.

        Args:
            kind: Name of its kind.
            request: What it is asked.
            pool: What it is about.
            idempotency_key: The same key again, with the same request, answers the job that it made before.
            announce: Whether workers are told; otherwise the caller runs it, and a worker finds it if that fails.

        Raises:
            IdempotencyKeyReusedError: The key came with another request.
            CatalogUnavailableError: The table doesn't answer; nothing is queued.
        """
        text = request.model_dump_json(by_alias=True, exclude_unset=True)
        with self._store.writing() as connection:
            if idempotency_key is not None:
                same = select(jobs).where(jobs.c.idempotency_key == idempotency_key)
                known = connection.execute(same).mappings().one_or_none()
                if known is not None:
                    _check_repeated(known, kind, pool, text)
                    _check_same_pool(known, connection.execute(select(rows.key_of_name(pool))).scalar())
                    return rows.job_of(known)
            id = rows.new_id()
            rows.add(connection, id, kind=kind, pool=pool, request=text, idempotency_key=idempotency_key)
            queued = rows.job_of(rows.find(connection, id))
        if announce:
            self._queue.announce(id)
        return queued

    def get(self, id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFoundError: There is none.
        """
        with self._store.reading() as connection:
            return rows.job_of(rows.find(connection, id))

    def page(
        self,
        *,
        before: str | None = None,
        limit: int = 100,
        pool: str | None = None,
        kind: str | None = None,
        state: JobState | None = None,
        pools: Collection[str] | None = None,
    ) -> list[Job]:
        """Jobs, the newest first, older than the one with the id `before`; only about `pools` where they are given."""
        with self._store.reading() as connection:
            found = rows.page(connection, before=before, limit=limit, pool=pool, kind=kind, state=state, among=pools)
        return [rows.job_of(row) for row in found]

    def cancel(self, id: str) -> Job:
        """Cancel a job: at once where nobody runs it, else its worker stops it within seconds. Twice is once.

        Raises:
            JobNotFoundError: There is none.
            JobStateError: It has succeeded or failed already.
        """
        with self._store.writing() as connection:
            found = rows.find(connection, id)
            if found["state"] in ("succeeded", "failed"):
                raise JobStateError(f"the job {id} has {found['state']} and can't be cancelled", state=found["state"])
            if not rows.cancel_now(connection, id, self._stale_seconds):
                rows.request_cancel(connection, id)
            return rows.job_of(rows.find(connection, id))

    def cancel_all_of(self, pool: str, key: str | None = None) -> None:
        """Cancel the jobs of a pool that is dropped: a new one of its name has nothing to do with them.

        Args:
            pool: Its name.
            key: Its key, once another may have the name.
        """
        with self._store.writing() as connection:
            for id in rows.unfinished(connection, pool, key):
                if not rows.cancel_now(connection, id, self._stale_seconds):
                    rows.request_cancel(connection, id)

    def retry(self, id: str, *, idempotency_key: str | None = None) -> Job:
        """Queue a job again that failed or was cancelled. It goes on from its checkpoints.

        Args:
            id: Of the job.
            idempotency_key: The same key as that of the last retry answers the job as it stands.

        Raises:
            JobNotFoundError: There is none.
            JobStateError: It is queued, runs, or has succeeded.
        """
        with self._store.writing() as connection:
            found = rows.find(connection, id)
            if idempotency_key is not None and found["retry_key"] == idempotency_key:
                return rows.job_of(found)
            if not rows.queue_again(connection, id, idempotency_key):
                raise JobStateError(f"the job {id} is {found['state']} and can't be retried", state=found["state"])
            queued = rows.job_of(rows.find(connection, id))
        self._queue.announce(id)
        return queued

    def events(self, id: str, *, after: int = 0, limit: int = 1000, event: EventName | None = None) -> list[JobEvent]:
        """What happened to a job behind an event's number, oldest first.

        Raises:
            JobNotFoundError: There is none.
        """
        with self._store.reading() as connection:
            rows.find(connection, id)
            return events_after(connection, id, after, limit, event)


@contextmanager
def open_desk(settings: Settings) -> Iterator[JobDesk]:
    """The jobs of a data directory, where no server runs or beside one.

    Raises:
        CatalogUnavailableError: The data directory or its database can't be opened.
    """
    with (
        closing(open_store(settings.data, settings.database_url)) as store,
        closing(open_queue(settings.data, settings.redis_url, store)) as queue,
    ):
        yield JobDesk(store, queue, settings.job_stale_seconds)


def _check_repeated(known: RowMapping, kind: str, pool: str | None, request: str) -> None:
    given: tuple[Any, ...] = (kind, pool, request)
    if (known["kind"], known["pool"], known["request"]) != given:
        # Of another pool's job the id stays unsaid: whoever asks may not see that pool.
        made = f"the job {known['id']}" if known["pool"] == pool else "a job of another pool"
        raise IdempotencyKeyReusedError(f"the Idempotency-Key made {made}, by another request")


def _check_same_pool(known: RowMapping, key: str | None) -> None:
    if known["pool_key"] is not None and key not in (None, known["pool_key"]):
        raise IdempotencyKeyReusedError(
            f"the Idempotency-Key made the job {known['id']} of a pool of this name that was dropped"
        )
