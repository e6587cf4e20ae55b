"""What became of an intake, counted while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from index.demonstration import Outcome
from index.sources.record import Ignored, Item, Source
from invariantselect.errors import InvariantSelectError

__all__ = ["Failure", "IntakeReport", "Progress", "Settled", "Tally"]

Progress: TypeAlias = Callable[[int, int | None, int, int], None]
"""Called now and then with (done, total or None, failed, encoded)."""

Settled: TypeAlias = Callable[[str, Outcome], None]
"""Called once for each record and rejection with where it stands and what became of it, not in their order."""


class Failure(NamedTuple):
    """What was not taken in, and why."""

    where: str
    error: InvariantSelectError


@dataclass
class IntakeReport:
    """What became of an intake.

    Attributes:
        created: New demonstrations.
        replaced: Got another image.
        updated: Kept their image and got another label, domain, group or metadata.
        unchanged: Were in the pool just so.
        failed: What was not taken in, by name.
        ignored: What the source left aside on purpose: files that aren't images, columns that can't be metadata.
        encoded: Images that went through the encoder.
        seconds: From beginning to end.
    """

    created: int = 0
    replaced: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: list[Failure] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    encoded: int = 0
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """Records and rejections dealt with."""
        return self.created + self.replaced + self.updated + self.unchanged + len(self.failed)


class Tally:
    """Keeps the report and tells others of its progress. Used by one thread.

    Args:
        records: What is taken in, for its total where that is known.
        progress: See `Progress`.
        settled: See `Settled`.
    """

    def __init__(self, records: Iterable[Item], progress: Progress | None, settled: Settled | None) -> None:
        self.report = IntakeReport()
        self._total = _total(records) if progress else None
        self._progress = progress
        self._settled = settled
        self._begin = time.monotonic()

    def settle(self, where: str, outcome: Outcome) -> None:
        """Count one outcome."""
        if outcome.error is not None:
            self.report.failed.append(Failure(where, outcome.error))
        else:
            setattr(self.report, outcome.status, getattr(self.report, outcome.status) + 1)
        if self._settled:
            self._settled(where, outcome)

    def fail(self, where: str, identifier: str, error: InvariantSelectError) -> None:
        """Count one failure."""
        self.settle(where, Outcome(identifier, "failed", error))

    def tell(self) -> None:
        """Tell how far it is."""
        self.report.seconds = time.monotonic() - self._begin
        if self._progress:
            self._progress(self.report.done, self._total, len(self.report.failed), self.report.encoded)


def _total(records: Iterable[Item]) -> int | None:
    if isinstance(records, Source):
        return records.total
    return len(records) if isinstance(records, Sized) else None
