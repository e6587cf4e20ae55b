"""Pools over the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from invariantselect.wire.base import Answered, PoolName, Sent


class PoolCreate(Sent):
    """A pool to make: a name and the encoder in whose space it is searched."""

    name: PoolName = Field(examples=["skin"])
    encoder: str = Field(default="efficientnet-lite0", max_length=512, examples=["efficientnet-lite0"])


class LabelCount(Answered):
    """How many demonstrations of a pool have one label and domain."""

    label: str
    domain: str | None
    count: int


class PoolInfo(Answered):
    """A pool as it stands at one snapshot."""

    name: str
    encoder: str
    fingerprint: str = Field(description="Fingerprint of the encoder whose vectors the pool holds.")
    dim: int
    snapshot: int = Field(description="Version of the pool; every visible change makes a new one.")
    demonstrations: int
    labels: list[str]
    domains: list[str]
    created_at: datetime


class PoolList(Answered):
    """All pools, by name."""

    pools: list[PoolInfo]
