"""How a long adaptation is followed and stopped from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["SILENT", "Watch"]


def _untold(phase: str, done: int, total: int, figures: dict[str, float]) -> None:
    pass


def _unstopped() -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """Two callbacks, both called often and expected to be quick.

    Attributes:
        progress: Told (phase, done, total, figures such as the loss).
        check: Raises whatever shall end the adaptation.
    """

    progress: Callable[[str, int, int, dict[str, float]], None] = _untold
    check: Callable[[], None] = _unstopped


SILENT = Watch()
