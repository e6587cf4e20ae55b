"""A cell: one measurement that stands alone, is run in a process of its own, and is kept as one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Cell", "Protocol"]

Protocol = Literal["leave_one_domain_out", "target_pool", "ablation", "sizes"]


@dataclass(frozen=True)
class Cell:
    """What is measured.

    Attributes:
        protocol: How pool and queries are divided.
        images: Name of the set of images; empty where vectors are made up.
        domain: The queries' domain; empty likewise.
        seed: Of everything that is drawn.
        variant: What is changed from the default in an ablation, or which size is measured.
    """

    protocol: Protocol
    images: str
    domain: str
    seed: int = 0
    variant: str = ""

    @property
    def name(self) -> str:
        """Its parts, joined: a file name."""
        parts = [part for part in (self.images, self.domain, self.variant) if part]
        return "-".join([*parts, f"seed{self.seed}"])

    def path(self, results: Path) -> Path:
        """Where its result is kept."""
        return results / self.protocol / f"{self.name}.json"
