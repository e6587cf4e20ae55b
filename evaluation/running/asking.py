"""Learners behind a network are asked several questions at a time; each answer is written down when it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from evaluation.answers.journal import Journal
from evaluation.learners.learner import Answer, AsyncLearner
from evaluation.running.answering import key_of
from evaluation.running.questions import Asked, FoldQuestions
from evaluation.running.refused import Refusals
from invariantselect.errors import InvariantSelectError, LearnerRequestRefusedError

__all__ = ["ask_all"]

_LOOK_SECONDS = 0.1


async def ask_all(
    questions: FoldQuestions,
    learner: AsyncLearner,
    journal: Journal,
    refusals: Refusals,
    *,
    concurrency: int,
    told: Callable[[], None],
    check: Callable[[], None],
) -> None:
    """Ask all questions of a fold that aren't answered yet.

    When one can't be answered (the budget is spent, the server is gone), no further one is asked and those that are
    open are waited for: they are paid for. When it is cancelled, they are not. A question that is refused while others
    are answered has no answer (`evaluation.running.refused`).

    Args:
        questions: Of the fold.
        learner: Who is asked.
        journal: Where the answers are, and go.
        refusals: Of this learner, from fold to fold; those that are open stay so.
        concurrency: How many questions may be open.
        told: Called after each answer.
        check: Called several times a second; raises whatever shall end it.

    Raises:
        InvariantSelectError: As `AsyncLearner.answer`; of several, the first. The answers so far are in the journal.
    """
    failures: list[InvariantSelectError] = []
    left = _left(questions, learner.name, journal)

    async def one_after_another() -> None:
        for asked in left:
            try:
                answer = await _answer(learner, asked, refusals)
            except InvariantSelectError as failure:
                failures.append(failure)  # raised below, once the others have ended
                return
            if answer is not None:
                journal.append(asked.by(learner.name, answer))
                for _ in range(1 + refusals.believe()):
                    told()
                journal.sync()
            if failures:
                return

    tasks = [asyncio.create_task(one_after_another()) for _ in range(concurrency)]
    try:
        still = set(tasks)
        while still:
            ended, still = await asyncio.wait(still, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            for task in ended:
                task.result()
            check()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise failures[0]


async def _answer(learner: AsyncLearner, asked: Asked, refusals: Refusals) -> Answer | None:
    """None where the question is refused.

    Raises:
        InvariantSelectError: As `AsyncLearner.answer`; a refusal only where too many are.
    """
    try:
        return await learner.answer(asked.question)
    except LearnerRequestRefusedError as refusal:
        refusals.add(asked, refusal)
        return None


def _left(questions: FoldQuestions, learner: str, journal: Journal) -> Iterator[Asked]:
    """Made one by one, as they are asked."""
    for number, row in questions.all():
        if key_of(questions, number, row, learner) not in journal:
            yield questions.asked(number, row)
