"""How long each phase of an adaptation took, from what it tells its watch."""

from __future__ import annotations

import time
from collections.abc import Callable

from encoders.adaptation.watch import Watch

__all__ = ["Phases"]

_EVERY = 20.0  # seconds between lines


class Phases:
    """Adds up seconds by phase.

    Args:
        say: Told a line now and then.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._seconds: dict[str, float] = {}
        self._totals: dict[str, int] = {}
        self._now, self._since, self._said = "", time.monotonic(), time.monotonic()
        self.enter("preparation")

    @property
    def watch(self) -> Watch:
        """For an adaptation."""
        return Watch(progress=self._told)

    def enter(self, phase: str, total: int = 0) -> None:
        """A phase begins, and the one before ends."""
        now = time.monotonic()
        if self._now:
            self._seconds[self._now] = self._seconds.get(self._now, 0.0) + now - self._since
        self._now, self._since = phase, now
        self._totals[phase] = max(total, self._totals.get(phase, 0))

    def to_json(self) -> dict[str, dict[str, float]]:
        """Seconds of each phase so far, and how many steps (images, folds) it had."""
        self.enter(self._now)
        return {
            name: {"seconds": round(seconds, 1), "steps": self._totals[name]} for name, seconds in self._seconds.items()
        }

    def _told(self, phase: str, done: int, total: int, figures: dict[str, float]) -> None:
        if phase != self._now:
            self.enter(phase, total)
        if time.monotonic() - self._said > _EVERY:
            self._said = time.monotonic()
            loss = "".join(f", {name} {value:.3f}" for name, value in figures.items())
            self._say(f"{phase} {done}/{total}{loss}")
