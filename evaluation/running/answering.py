"""Learners that compute answer one question after another, each answer written down at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evaluation.answers.answered import Key
from evaluation.answers.journal import Journal
from evaluation.learners.learner import Learner
from evaluation.plan import StrategyRow
from evaluation.running.questions import FoldQuestions

__all__ = ["answer_all", "key_of"]


def answer_all(
    questions: FoldQuestions,
    learners: Sequence[Learner],
    journal: Journal,
    *,
    told: Callable[[], None],
    check: Callable[[], None],
) -> None:
    """Answer all questions of a fold that aren't answered yet.

    Args:
        questions: Of the fold.
        learners: Who answer.
        journal: Where the answers are, and go.
        told: Called after each answer.
        check: Called before each question; raises whatever shall end it.
    """
    for number, row in questions.all():
        left = [learner for learner in learners if key_of(questions, number, row, learner.name) not in journal]
        if not left:
            continue
        check()
        asked = questions.asked(number, row)
        for learner in left:
            journal.append(asked.by(learner.name, learner.answer(asked.question)))
            told()


def key_of(questions: FoldQuestions, number: int, row: StrategyRow, learner: str) -> Key:
    """What tells the answer to a question from every other."""
    return Key(questions.fold.name, questions.query_id(number), row.strategy, row.shots, learner)
