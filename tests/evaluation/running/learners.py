"""Learners for tests of a run: one that computes, and one behind a network that isn't there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from evaluation.learners.learner import Answer, Question
from evaluation.learners.vote import Vote

__all__ = ["Counted", "Distant"]


class Counted:
    """Votes, and counts how often it was asked what."""

    name = "counted"

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def answer(self, question: Question) -> Answer:
        self.asked[question.query, question.ids] += 1
        return Vote().answer(question)


class Distant:
    """Votes after a moment; remembers how many questions were open at once.

    Args:
        before: Called with the number of the question before it is answered; may raise.
    """

    name = "distant"

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self._before = before
        self.asked: list[Question] = []
        self.open = self.most_open = 0
        self.closed = False

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        number = len(self.asked)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(0.001)
            self._before(number)
        finally:
            self.open -= 1
        return Answer(Vote().answer(question).label, 0.5, raw=f"word {number}")

    async def aclose(self) -> None:
        self.closed = True
