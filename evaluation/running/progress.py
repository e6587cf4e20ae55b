"""How far the answers of an evaluation are."""

from __future__ import annotations

from encoders.adaptation.watch import Watch

__all__ = ["AnswerCount"]


class AnswerCount:
    """Counts answers and tells of them.

    Args:
        watch: Told of each.
        done: How many there are from earlier runs.
        total: How many there will be.
    """

    def __init__(self, watch: Watch, done: int, total: int) -> None:
        self._watch, self._done, self._total = watch, done, total

    def one_more(self) -> None:
        """Another answer is there."""
        self._done += 1
        self.tell()

    def tell(self) -> None:
        """How far it is."""
        self._watch.progress("answering", self._done, self._total, {})
