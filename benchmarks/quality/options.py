"""What a cell is run with, as the command line gives it; it travels to the cell's process as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["STEPS", "Options"]

STEPS = 200


@dataclass(frozen=True)
class Options:
    """How cells are run.

    Attributes:
        data: Folder of the sets.
        results: Folder of the records.
        cache: Folder that git ignores, for frozen vectors.
        steps: Of each fine-tuning, so that figures don't hang on the machine's speed; None for what the budget allows.
        budget: Seconds of an adaptation, validation in it; only where there are no steps.
        limit: Images of each class in each domain; None for all. A check that the commands work.
        device: Where a trunk is trained.
        at_once: How many cells run beside each other, each on its share of the cores.
    """

    data: str
    results: str
    cache: str
    steps: int | None = STEPS
    budget: float | None = None
    limit: int | None = None
    device: str = "cpu"
    at_once: int = 1

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
