"""A measured figure: its rounds, told as a median with its spread."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Rounds of one figure, in the order they were measured."""

    rounds: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median round."""
        return median(self.rounds)

    def told(self, digits: int = 2) -> str:
        """`median (min–max)`."""
        return f"{self.middle:.{digits}f} ({min(self.rounds):.{digits}f}–{max(self.rounds):.{digits}f})"


def ratios(above: Spread, below: Spread) -> Spread:
    """Round by round, so that a drift of the machine's speed cancels."""
    return Spread(tuple(a / b for a, b in zip(above.rounds, below.rounds, strict=True)))
