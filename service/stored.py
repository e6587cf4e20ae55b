"""Stored demonstrations as they are told over the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from index.demonstration import Demonstration as Stored
from index.demonstration import Outcome as Done
from index.pool import Pool
from invariantselect.flows.paths import image_path
from invariantselect.wire.demonstrations import BatchOutcome, Demonstration, Outcome

__all__ = ["batch_outcome", "counts", "demonstration", "outcome"]


def demonstration(pool: str, stored: Stored) -> Demonstration:
    """A demonstration with the path of its image."""
    return Demonstration(
        id=stored.id,
        label=stored.label,
        domain=stored.domain,
        group=stored.group,
        metadata=dict(stored.metadata),
        image_url=image_path(pool, stored.id),
        image_sha256=stored.sha256,
        media_type=stored.media_type,
        width=stored.width,
        height=stored.height,
    )


def outcome(done: Done) -> Outcome:
    """What became of one demonstration, with the problem document of a failure."""
    return Outcome(id=done.id, status=done.status, error=None if done.error is None else done.error.to_problem())


def counts(outcomes: Iterable[Done | Outcome]) -> dict[str, int]:
    """How many demonstrations came to which end: ``{"created": 3, "failed": 1}``."""
    return dict(Counter(each.status for each in outcomes))


def batch_outcome(pool: Pool, outcomes: list[Outcome]) -> BatchOutcome:
    """What became of a batch, and the pool's snapshot that shows it."""
    failed = sum(each.status == "failed" for each in outcomes)
    return BatchOutcome(outcomes=outcomes, snapshot=pool.version(), failed=failed)
