"""The methods of the blocking client that are about jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from invariantselect.event_stream import EventStream
from invariantselect.flows import jobs as working
from invariantselect.transport import Transport
from invariantselect.wire.jobs import Job, JobEvent, JobProgress, JobState

__all__ = ["JobMethods"]


class JobMethods:
    """Work that takes longer than a request: hand it in, look after it, wait for it.

    What hands in a job sends an ``Idempotency-Key``, a new one unless you give yours: so a request whose answer was
    lost is repeated, and makes one job.
    """

    _transport: Transport

    def rebuild(
        self,
        pool: str,
        *,
        recall: float | None = None,
        keep_vectors: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """Hand in a job that makes all vectors of a pool anew from its images, and what they are searched by.

        Args:
            pool: Name of the pool; it is searched and written meanwhile.
            recall: Share of the nearest that searches without a filter have to find, above 0 and below 1: a large pool
                then gets an approximate index, if one reaches that and is faster. None for exact search.
            keep_vectors: Keep the vectors that there are, rather than encode the images.
            idempotency_key: The same key again answers the job that it made before.
        """
        return self._transport.run(working.rebuild(pool, recall, idempotency_key, keep_vectors=keep_vectors))

    def import_into(
        self, pool: str, source: str, *, encoder: str | None = None, idempotency_key: str | None = None
    ) -> Job:
        """Hand in a job that takes labelled images, which the server has, into a pool.

        Args:
            pool: Name of the pool, which is made if it is new.
            source: Path below the server's import root: a folder, a manifest, an export or a saved dataset.
            encoder: Of a new pool; None for that of an export, else the server's default.
            idempotency_key: The same key again answers the job that it made before.
        """
        return self._transport.run(working.import_into(pool, source, encoder, idempotency_key))

    def jobs(
        self, *, pool: str | None = None, kind: str | None = None, state: JobState | None = None, limit: int = 100
    ) -> list[Job]:
        """Jobs, the newest first, at most `limit` of them.

        Args:
            pool: Only those about this pool.
            kind: Only those of this kind: ``rebuild``, ``import``, ``adapt``, ``evaluate``.
            state: Only those in this state.
            limit: How many at most.
        """
        return self._transport.run(working.jobs(pool=pool, kind=kind, state=state, limit=limit))

    def job(self, id: str) -> Job:
        """One job: its state, how far it is, what came of it."""
        return self._transport.run(working.job(id))

    def job_events(self, id: str, *, after: int = 0) -> Iterator[JobEvent]:
        """What happened to a job and what happens, as it happens, until the job has ended.

        A lost connection is taken up again behind the last event: nothing is left out, nothing comes twice. A
        server that is restarted is waited for, five minutes at most.

        Args:
            id: Of the job.
            after: Number of the last event that you know.
        """
        stream = EventStream(id, after, self._transport.connection.max_retries)
        yield from self._transport.follow(stream)

    def wait_for_job(
        self, id: str, *, timeout: float | None = None, on_progress: Callable[[JobProgress], object] | None = None
    ) -> Job:
        """Wait until a job has ended; the job, with its result.

        Args:
            id: Of the job.
            timeout: Seconds to wait; None for as long as it takes. The job goes on in any case. A server that is
                restarted meanwhile is waited for, five minutes at most.
            on_progress: Called whenever the job has got further.

        Raises:
            InvariantSelectError: The job failed: the class that its worker raised.
            JobCancelledError: It was cancelled.
            TimedOutError: It has not ended in time.
            ConnectionFailedError: The server can't be reached, or not again.
        """
        return self._transport.run(working.wait_for_job(id, timeout, on_progress))

    def job_log(self, id: str) -> list[JobEvent]:
        """What a job said, of all its attempts: ``text``, ``at`` and ``attempt`` of each line."""
        return self._transport.run(working.job_log(id))

    def cancel_job(self, id: str) -> Job:
        """Cancel a job: at once while it is queued, within seconds while it runs. Twice is once."""
        return self._transport.run(working.cancel_job(id))

    def retry_job(self, id: str, *, idempotency_key: str | None = None) -> Job:
        """Queue a job again that failed or was cancelled; it goes on from its last checkpoint.

        Args:
            id: Of the job.
            idempotency_key: The same key as that of the last retry answers the job as it stands.
        """
        return self._transport.run(working.retry_job(id, idempotency_key))
