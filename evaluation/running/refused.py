"""Questions that an endpoint refuses while it answers others: too many images for its context, one that it can't read.

Asked again it would refuse them again, and the evaluation would never end. They are answers, of none: with these
demonstrations this model answers nothing. But an endpoint that refuses everything, from the beginning or from some
moment on, says nothing about the questions. So a refusal is believed once another question is answered after it; the
last ones of an evaluation, when anything was.
"""

from __future__ import annotations

from collections.abc import Iterable

from evaluation.answers.answered import Answered
from evaluation.answers.journal import Journal
from evaluation.learners.learner import Answer
from evaluation.running.questions import Asked
from invariantselect.errors import LearnerRequestRefusedError

__all__ = ["Refusals", "refused_among"]

_BEGINNING = "[refused by the endpoint] "
_LEAST_IN_A_ROW = 10


class Refusals:
    """Of one learner, from the first fold to the last.

    Args:
        learner: Its name.
        journal: Where they go once they are believed.
        in_a_row: As many may come of one query and those that are asked beside it; with more, and at least ten, it
            isn't about the questions.
    """

    def __init__(self, learner: str, journal: Journal, in_a_row: int) -> None:
        self._learner, self._journal = learner, journal
        self._most = max(in_a_row, _LEAST_IN_A_ROW)
        self._answers = any(each.learner == learner for each in journal.answers)
        self._open: list[tuple[Asked, LearnerRequestRefusedError]] = []

    def add(self, asked: Asked, refusal: LearnerRequestRefusedError) -> None:
        """Take note of one.

        Raises:
            LearnerRequestRefusedError: It isn't about the question, or so many came in a row that none is.
        """
        if not refusal.context.get("of_question"):
            raise refusal
        self._open.append((asked, refusal))
        if len(self._open) > self._most:
            raise self._open[0][1]

    def believe(self) -> int:
        """The endpoint has answered: write down those that came before, and say how many they were."""
        believed, self._open = self._open, []
        for asked, refusal in believed:
            self._journal.append(asked.by(self._learner, Answer(None, 0.0, _BEGINNING + refusal.detail)))
        self._answers = True
        return len(believed)

    def end(self) -> int:
        """No further question is asked: believe the last ones too, of an endpoint that has ever answered.

        Raises:
            LearnerRequestRefusedError: It hasn't.
        """
        if self._open and not self._answers:
            raise self._open[0][1]
        return self.believe() if self._open else 0


def refused_among(answers: Iterable[Answered]) -> dict[str, int]:
    """How many of each learner's answers are refusals, of learners that have some."""
    counts: dict[str, int] = {}
    for each in answers:
        if each.answer is None and (each.raw or "").startswith(_BEGINNING):
            counts[each.learner] = counts.get(each.learner, 0) + 1
    return counts
