"""The methods of the asyncio client that are about jobs. What each does is told in `invariantselect.job_methods`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from invariantselect.async_transport import AsyncTransport
from invariantselect.event_stream import EventStream
from invariantselect.flows import jobs as working
from invariantselect.wire.jobs import Job, JobEvent, JobProgress, JobState

__all__ = ["AsyncJobMethods"]


class AsyncJobMethods:
    """`JobMethods` for asyncio."""

    _transport: AsyncTransport

    async def rebuild(
        self,
        pool: str,
        *,
        recall: float | None = None,
        keep_vectors: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """As `Client.rebuild`."""
        return await self._transport.run(working.rebuild(pool, recall, idempotency_key, keep_vectors=keep_vectors))

    async def import_into(
        self, pool: str, source: str, *, encoder: str | None = None, idempotency_key: str | None = None
    ) -> Job:
        """As `Client.import_into`."""
        return await self._transport.run(working.import_into(pool, source, encoder, idempotency_key))

    async def jobs(
        self, *, pool: str | None = None, kind: str | None = None, state: JobState | None = None, limit: int = 100
    ) -> list[Job]:
        """As `Client.jobs`."""
        return await self._transport.run(working.jobs(pool=pool, kind=kind, state=state, limit=limit))

    async def job(self, id: str) -> Job:
        """As `Client.job`."""
        return await self._transport.run(working.job(id))

    async def job_events(self, id: str, *, after: int = 0) -> AsyncIterator[JobEvent]:
        """As `Client.job_events`."""
        stream = EventStream(id, after, self._transport.connection.max_retries)
        async for event in self._transport.follow(stream):
            yield event

    async def wait_for_job(
        self,
        id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- as in the blocking client; the error says that the job goes on
        on_progress: Callable[[JobProgress], object] | None = None,
    ) -> Job:
        """As `Client.wait_for_job`."""
        return await self._transport.run(working.wait_for_job(id, timeout, on_progress))

    async def job_log(self, id: str) -> list[JobEvent]:
        """As `Client.job_log`."""
        return await self._transport.run(working.job_log(id))

    async def cancel_job(self, id: str) -> Job:
        """As `Client.cancel_job`."""
        return await self._transport.run(working.cancel_job(id))

    async def retry_job(self, id: str, *, idempotency_key: str | None = None) -> Job:
        """As `Client.retry_job`."""
        return await self._transport.run(working.retry_job(id, idempotency_key))
