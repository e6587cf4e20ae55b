"""The demonstrations of a pool, as an evaluation takes them."""

from __future__ import annotations

from encoders.decode import DecodeLimits
from evaluation.running.evaluated_pool import EvaluatedPool
from index.pool import Pool
from service.jobs.learning_set import LearningSet

__all__ = ["evaluated_pool"]


def evaluated_pool(pool: Pool, chosen: LearningSet, limits: DecodeLimits) -> EvaluatedPool:
    """Demonstrations as an evaluation takes them.

    Args:
        pool: Where their images are.
        chosen: Which.
        limits: How large an image may be.
    """
    snapshot = chosen.snapshot
    hashes = {
        str(id): bytes(sha256).decode()
        for id, sha256 in zip(snapshot.ids[chosen.positions], snapshot.sha256[chosen.positions], strict=True)
    }
    return EvaluatedPool(
        snapshot,
        chosen.positions,
        chosen.examples(pool, limits),
        pool.fingerprint,
        lambda id: pool.content(hashes[id]),  # by its hash: the id may have another image by now
    )
