"""Jobs over the wire: work that takes longer than a request, done by a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, StringConstraints

from invariantselect.wire.base import Answered, Sent

JobState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]

JobId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
"""24 hexadecimal digits; a later job's id is greater."""

IdempotencyKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
"""1 to 255 visible ASCII characters."""


class RebuildRequest(Sent):
    """Make what a pool is searched by anew. Every field has a default: ``{}`` encodes all images, for exact search."""

    recall: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of the nearest demonstrations that searches without a filter have to find. A large pool is "
        "then searched by an approximate index, if one reaches this on the pool's own vectors and is faster than an "
        "exact search. Null: exact.",
        examples=[0.95],
    )
    keep_vectors: bool = Field(
        default=False,
        description="Keep the vectors that there are, after comparing their checksums, rather than encode the images.",
    )


class ImportRequest(Sent):
    """Labelled images that the server has, to be taken into a pool."""

    source: str = Field(
        min_length=1,
        max_length=4096,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Path below the server's import root, with slashes: a folder of <domain>/<class>/<image>, a .csv, "
        ".jsonl or .parquet manifest, an export of a pool, a saved Hugging Face dataset, or Camelyon17, HAM10000 or a "
        "set of DomainBed as published.",
        examples=["2024/lesions.csv"],
    )
    encoder: str | None = Field(
        default=None,
        max_length=512,
        description="Encoder of a new pool; null for that of an export, else the server's default. An old pool keeps "
        "the one it has.",
        examples=["efficientnet-lite0"],
    )


class JobProgress(Answered):
    """How far a job is."""

    phase: str = Field(description="What is being done.")
    done: int | None = Field(default=None, description="How many pieces of the phase are done.")
    total: int | None = Field(default=None, description="How many there are; null where that isn't known.")
    seconds_left: float | None = Field(default=None, description="Of the phase, estimated from its pace so far.")
    figures: dict[str, float] = Field(default_factory=dict, description="What the job measures, such as its loss.")


class Job(Answered):
    """A job as it stands."""

    id: str
    kind: str = Field(description="rebuild, import, adapt or evaluate; a newer server may know more.")
    pool: str | None = None
    state: JobState
    request: dict[str, Any] = Field(default_factory=dict, description="What it was asked to do.")
    result: dict[str, Any] | None = Field(default=None, description="What came of it, when it succeeded.")
    error: dict[str, Any] | None = Field(default=None, description="The problem document, when it failed.")
    progress: JobProgress | None = None
    attempt: int = Field(description="How often a worker has begun it; more than 1 after a takeover or a retry.")
    worker: str | None = Field(default=None, description="Who runs it, or ran it last.")
    cancel_requested: bool = False
    created_at: datetime
    started_at: datetime | None = None
    heartbeat_at: datetime | None = Field(default=None, description="When its worker was last known to live.")
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether it has come to an end, good or bad."""
        return self.state in ("succeeded", "failed", "cancelled")


class JobList(Answered):
    """One page of jobs, the newest first; `next_cursor` is absent on the last."""

    jobs: list[Job]
    next_cursor: str | None = None


class JobEvent(Answered):
    """Something that happened to a job: it changed its state, got further, or said something."""

    number: int = Field(description="Its place among the events of the job, from 1, without a gap.")
    event: Literal["state", "progress", "log"]
    at: datetime
    attempt: int
    state: JobState | None = Field(default=None, description="Of event state.")
    progress: JobProgress | None = Field(default=None, description="Of event progress.")
    text: str | None = Field(default=None, description="Of event log.")


class JobLog(Answered):
    """What a job said, oldest first; `next_after` is absent where nothing follows for now."""

    lines: list[JobEvent]
    next_after: int | None = None
