"""What is wrong with a job."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "IdempotencyKeyReusedError",
    "ImportDisabledError",
    "JobAbandonedError",
    "JobCancelledError",
    "JobNotFoundError",
    "JobStateError",
]


class JobNotFoundError(InvariantSelectError):
    """No job has this id."""

    code = "job_not_found"
    status = 404
    title = "There is no such job"
    default_hint = "'invariantselect jobs list' and GET /v1/jobs list them."


class JobStateError(InvariantSelectError):
    """Not in this state: what is running can't be retried, what has finished can't be cancelled."""

    code = "job_state"
    status = 409
    title = "The job is not in a state for this"
    default_hint = "Look at its state: queued and running jobs can be cancelled, failed and cancelled ones retried."


class JobCancelledError(InvariantSelectError):
    """The job was cancelled before it was done."""

    code = "job_cancelled"
    status = 409
    title = "The job was cancelled"
    default_hint = "Retry it to go on from its last checkpoint: 'invariantselect jobs retry ID'."


class JobAbandonedError(InvariantSelectError):
    """One worker after another died while it ran the job, so it is not given to a further one."""

    code = "job_abandoned"
    status = 500
    title = "The job's workers died"
    default_hint = "Look for why in the workers' log and the system's (memory, disk), then retry the job."


class IdempotencyKeyReusedError(InvariantSelectError):
    """An Idempotency-Key that came before with another request."""

    code = "idempotency_key_reused"
    status = 409
    title = "The Idempotency-Key belongs to another request"
    default_hint = "Send a new key with each new request, and the same one only to repeat a request."


class ImportDisabledError(InvariantSelectError):
    """The server has no folder from which it may import."""

    code = "import_disabled"
    status = 403
    title = "The server imports nothing"
    default_hint = "Its operator allows it by setting INVARIANTSELECT_IMPORT_ROOT to the folder that may be read."
