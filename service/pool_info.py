"""A pool as it is told over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from index.encoder_version import EncoderVersion
from index.manifest import SegmentEntry
from index.pool import Pool
from invariantselect.errors import StoreCorruptError
from invariantselect.wire.adaptation import EncoderVersionList
from invariantselect.wire.pools import EncoderVersionInfo, LabelCount, PoolInfo, RecallInfo, SegmentInfo

__all__ = ["label_counts", "pool_info", "version_list"]


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
        encoder_versions=[_version_info(pool, version, _in_short(version.lineage)) for version in versions],
        serving_version=_serving(versions),
    )


def version_list(pool: Pool) -> EncoderVersionList:
    """The encoder versions of a pool, each with its whole lineage."""
    versions = pool.versions()
    return EncoderVersionList(
        versions=[_version_info(pool, version, version.lineage) for version in versions],
        serving_version=_serving(versions),
    )


def _serving(versions: Sequence[EncoderVersion]) -> int | None:
    return next((version.number for version in versions if version.state == "serving"), None)


def _in_short(lineage: Mapping[str, Any]) -> dict[str, Any]:
    """A lineage without the report of its validation, which is longer than all the rest of a pool."""
    metrics = lineage.get("metrics")
    if not isinstance(metrics, Mapping):
        return dict(lineage)
    return {**lineage, "metrics": {name: value for name, value in metrics.items() if name != "report"}}


def _version_info(pool: Pool, version: EncoderVersion, lineage: Mapping[str, Any]) -> EncoderVersionInfo:
    return EncoderVersionInfo(
        number=version.number,
        encoder=version.encoder,
        fingerprint=version.fingerprint,
        dim=version.dim,
        looks_at_domains=version.looks_at_domains,
        state=version.state,
        lineage=dict(lineage),
        created_at=version.created_at,
        segments=_segments(pool, version),
    )


def _segments(pool: Pool, version: EncoderVersion) -> list[SegmentInfo] | None:
    try:
        return [_segment_info(entry) for entry in pool.manifest(version).segments]
    except StoreCorruptError:  # a pool can be looked at whatever is damaged
        return None


def _segment_info(entry: SegmentEntry) -> SegmentInfo:
    if entry.proposer is None:
        return SegmentInfo(count=entry.count, kind=entry.kind, note=entry.note)
    return SegmentInfo(
        count=entry.count,
        kind=entry.kind,
        parameters=dict(entry.proposer.parameters),
        recall=[RecallInfo(**asdict(depth)) for depth in entry.proposer.depths],
        queries=entry.proposer.queries,
        note=entry.note,
    )


def label_counts(pool: Pool) -> list[LabelCount]:
    """How many demonstrations there are of each label and domain."""
    return [LabelCount(label=c.label, domain=c.domain, count=c.count) for c in pool.summary().counts]
