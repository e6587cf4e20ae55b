"""Pools over the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, JsonValue

from invariantselect.wire.base import Answered, PoolName, Sent


class PoolCreate(Sent):
    """A pool to make: a name and the encoder in whose space it is searched."""

    name: PoolName = Field(examples=["skin"])
    encoder: str | None = Field(
        default=None, max_length=512, examples=["efficientnet-lite0"], description="Without it, the server's default."
    )


class LabelCount(Answered):
    """How many demonstrations of a pool have one label and domain."""

    label: str
    domain: str | None
    count: int


class RecallInfo(Answered):
    """How well and how fast an approximate index finds the k nearest, as measured when it was made."""

    k: int
    recall: float = Field(description="Share of the k nearest that it finds, mean over the queries.")
    effort: int = Field(description="The efSearch or nprobe that it is asked with, the smallest that suffices.")
    milliseconds: float = Field(description="Median of a search on one thread.")
    exact_milliseconds: float = Field(description="The same of an exact search.")


class SegmentInfo(Answered):
    """A part of a pool's vectors that lies in files of its own."""

    count: int = Field(description="How many vectors, among them some of demonstrations that were deleted since.")
    kind: str = Field(description="`flat` (exact), `hnsw` or `ivf`. Searches with a filter are exact in any kind.")
    parameters: dict[str, int] = Field(default_factory=dict, description="What an approximate index was made with.")
    recall: list[RecallInfo] = Field(
        default_factory=list, description="By k. Who asks for more neighbours than the last k is answered exactly."
    )
    queries: int = Field(
        default=0,
        description="How many queries that was measured by: stored vectors, evenly spaced, each moved by its own "
        "length in a random direction. Of queries from a domain that the pool lacks less is found.",
    )
    note: str = Field(default="", description="Why it is of this kind, where a rebuild was asked for a recall.")


class EncoderVersionInfo(Answered):
    """One encoder of a pool: number 1 is the one it was made with, adaptations give 2, 3, …"""

    number: int
    encoder: str
    fingerprint: str
    dim: int
    looks_at_domains: bool = Field(description="Whether an image's vector depends on the domain it is said to be of.")
    state: str = Field(
        description="`frozen` (number 1), `candidate` (being filled), `serving` (of `invariant_select`), `retired`."
    )
    lineage: dict[str, JsonValue] = Field(default_factory=dict, description="What it was made from, and how.")
    created_at: datetime
    segments: list[SegmentInfo] | None = Field(
        default=None,
        description="Where its vectors lie, apart from those that were written lately, and how they are searched. Null "
        "where that can't be read: `invariantselect doctor` says why.",
    )


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
    encoder_versions: list[EncoderVersionInfo] = Field(
        default_factory=list, description="By number. An answer of an older server has none."
    )
    serving_version: int | None = Field(
        default=None, description="Number of the adapted version that `invariant_select` searches; null for none."
    )


class PoolList(Answered):
    """All pools, by name."""

    pools: list[PoolInfo]
