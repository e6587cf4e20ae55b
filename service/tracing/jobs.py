"""A span for each attempt at a job, below the request that queued it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from service.jobs.claims import Claim
from service.tracing.traces import Attributes, Traces

__all__ = ["traced_job"]


def traced_job(traces: Traces | None, claimed: Claim) -> AbstractContextManager[object]:
    """What goes around an attempt.

    Args:
        traces: Where spans go; None for nowhere.
        claimed: The job.
    """
    if traces is None:
        return nullcontext()
    caller = {} if claimed.traceparent is None else {"traceparent": claimed.traceparent}
    told: Attributes = {"job.id": claimed.job.id, "job.kind": claimed.job.kind, "job.attempt": claimed.job.attempt}
    return traces.root(f"job {claimed.job.kind}", "consumer", caller, told)
