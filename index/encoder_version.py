"""An encoder version: one of the encoders that a pool has vectors of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

__all__ = ["FROZEN", "EncoderVersion", "VersionState"]

FROZEN = 1
"""Number of the encoder that a pool was made with."""

VersionState: TypeAlias = Literal["frozen", "candidate", "serving", "retired"]


@dataclass(frozen=True)
class EncoderVersion:
    """One encoder of a pool.

    Attributes:
        number: 1 for the encoder that the pool was made with; adaptations give 2, 3, …
        encoder: Its name, as `encoders.catalog.load_encoder` takes it.
        fingerprint: Of its vectors.
        dim: Length of a vector.
        looks_at_domains: Whether a vector depends on the domain of its demonstration.
        state: ``frozen`` (number 1), ``candidate`` (added, not yet searched), ``serving`` (what ``invariant_select``
            searches; at most one), ``retired`` (served before, or lost at the gate; can be switched back to).
        lineage: Where it comes from, as JSON values.
        created_at: In UTC.
    """

    number: int
    encoder: str
    fingerprint: str
    dim: int
    looks_at_domains: bool
    state: VersionState
    lineage: Mapping[str, Any] = field(repr=False)
    created_at: datetime

    @property
    def live(self) -> bool:
        """Whether every demonstration has a vector of it, so that it can be searched."""
        return self.state in ("frozen", "serving")
