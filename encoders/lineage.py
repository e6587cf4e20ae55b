"""Where an encoder version comes from: what it was made of, how, and what that gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

__all__ = ["Lineage", "Parent"]


@dataclass(frozen=True)
class Parent:
    """The encoder that was adapted.

    Attributes:
        name: As the catalog takes it.
        version: Of that name.
        fingerprint: Of its vectors.
    """

    name: str
    version: str
    fingerprint: str


@dataclass(frozen=True)
class Lineage:
    """The record of one adaptation.

    Attributes:
        parent: The encoder that was adapted.
        pool: Key of the pool it was adapted to.
        snapshot: Number of the snapshot whose demonstrations it learnt from.
        depth: ``closed_form``, ``head`` or ``finetune``.
        objective: Name of the loss; None where there was none, in closed form.
        options: Of the objective and of the training, as JSON values.
        metrics: What validation gave, as JSON values.
        code_version: Of this software.
        created_at: When, with its time zone.
    """

    parent: Parent
    pool: str
    snapshot: int
    depth: str
    objective: str | None
    options: Mapping[str, Any]
    metrics: Mapping[str, Any]
    code_version: str
    created_at: datetime

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError("created_at has no time zone")

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {
            **{name: getattr(self, name) for name in ("pool", "snapshot", "depth", "objective", "code_version")},
            "parent": asdict(self.parent),
            "options": dict(self.options),
            "metrics": dict(self.metrics),
            "created_at": self.created_at.isoformat(),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Lineage:
        """The inverse of `to_json`.

        Raises:
            ValueError: A field is missing, unknown or of the wrong type.
        """
        try:
            created_at = datetime.fromisoformat(fields["created_at"])
            return cls(**{**fields, "parent": Parent(**fields["parent"]), "created_at": created_at})
        except (KeyError, TypeError) as error:
            raise ValueError(f"the lineage can't be read: {error}") from error
