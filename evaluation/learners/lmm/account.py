"""What a run has spent, on disk: whoever goes on with it has what is left of its budget, and no more."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evaluation.learners.lmm.tokens import Tokens
from index.durable_files import make_directory, write_durably
from invariantselect.errors import StoreCorruptError

__all__ = ["Account", "Spending"]


@dataclass(frozen=True)
class Spending:
    """Requests that began, and the tokens that they took; of those that are open, what was set aside for them."""

    requests: int = 0
    tokens: Tokens = field(default_factory=Tokens)

    def __add__(self, other: Spending) -> Spending:
        return Spending(self.requests + other.requests, self.tokens + other.tokens)

    def __sub__(self, other: Spending) -> Spending:
        return Spending(self.requests - other.requests, self.tokens - other.tokens)


_SPENDING = TypeAdapter(Spending)


class Account:
    """A folder of what was spent in a run, by one process after another.

    Each writes a file of its own: one that was taken for dead and isn't can't undo what its successor wrote.

    Args:
        folder: Made where there is none, in a folder that there is.

    Attributes:
        before: What those before have spent.

    Raises:
        StoreCorruptError: What they wrote can't be read.
    """

    def __init__(self, folder: Path) -> None:
        make_directory(folder, below=folder.parent)
        self.before = sum((_read(file) for file in folder.glob("*.json")), Spending())
        self._file = folder / f"{uuid.uuid4().hex}.json"

    def write(self, spending: Spending) -> None:
        """Write down what was spent, `before` included. Once this returns, no crash loses it.

        Raises:
            OSError: The disk is full, or fails; what was written before stands.
        """
        write_durably(self._file, _SPENDING.dump_json(spending - self.before))


def _read(file: Path) -> Spending:
    try:
        return _SPENDING.validate_json(file.read_bytes(), strict=True)
    except ValidationError:
        raise StoreCorruptError(
            f"What was spent of the budget can't be read in {file.name}.",
            hint="Retry the job, which grants it the budget anew.",
        ) from None
