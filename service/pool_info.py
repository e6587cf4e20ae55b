"""A pool as it is told over the wire."""

from __future__ import annotations

from index.encoder_version import EncoderVersion
from index.pool import Pool
from invariantselect.wire.pools import EncoderVersionInfo, LabelCount, PoolInfo

__all__ = ["label_counts", "pool_info"]


def pool_info(pool: Pool) -> PoolInfo:
    """Encoders, snapshot, size, labels and domains of a pool."""
    summary = pool.summary()
    versions = pool.versions()
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
        encoder_versions=[_version_info(version) for version in versions],
        serving_version=next((version.number for version in versions if version.state == "serving"), None),
    )


def _version_info(version: EncoderVersion) -> EncoderVersionInfo:
    return EncoderVersionInfo(
        number=version.number,
        encoder=version.encoder,
        fingerprint=version.fingerprint,
        dim=version.dim,
        looks_at_domains=version.looks_at_domains,
        state=version.state,
        lineage=dict(version.lineage),
        created_at=version.created_at,
    )


def label_counts(pool: Pool) -> list[LabelCount]:
    """How many demonstrations there are of each label and domain."""
    return [LabelCount(label=c.label, domain=c.domain, count=c.count) for c in pool.summary().counts]
