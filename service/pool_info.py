"""A pool as it is told over the wire."""

from __future__ import annotations

from index.pool import Pool
from invariantselect.wire.pools import LabelCount, PoolInfo

__all__ = ["label_counts", "pool_info"]


def pool_info(pool: Pool) -> PoolInfo:
    """Encoder, snapshot, size, labels and domains of a pool."""
    summary = pool.summary()
    return PoolInfo(
        name=pool.name,
        encoder=pool.encoder,
        fingerprint=pool.fingerprint,
        dim=pool.dim,
        snapshot=summary.version,
        demonstrations=summary.demonstrations,
        labels=sorted({count.label for count in summary.counts}),
        domains=sorted({count.domain for count in summary.counts if count.domain is not None}),
        created_at=pool.created_at,
    )


def label_counts(pool: Pool) -> list[LabelCount]:
    """How many demonstrations there are of each label and domain."""
    return [LabelCount(label=c.label, domain=c.domain, count=c.count) for c in pool.summary().counts]
