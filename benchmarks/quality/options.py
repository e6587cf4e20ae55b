"""What a cell is run with, as the command line gives it; it travels to the cell's process as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """How cells are run.

    Attributes:
        data: Folder of the sets.
        results: Folder of the records.
        cache: Folder that git ignores, for frozen vectors.
        budget: Seconds of an adaptation, validation in it.
        limit: Images of each class in each domain; None for all. A check that the commands work.
        steps: Of each fine-tuning of an ablation.
        device: Where a trunk is trained.
    """

    data: str
    results: str
    cache: str
    budget: float = 360.0
    limit: int | None = None
    steps: int = 200
    device: str = "cpu"

    @property
    def results_folder(self) -> Path:
        """Of the records: those of a limited run lie elsewhere, so that nobody takes them for figures."""
        return Path(self.results) if self.limit is None else Path(self.cache) / f"limited-to-{self.limit}"

    def to_json(self) -> str:
        """For the command line of a cell's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))
