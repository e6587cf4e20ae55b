"""Learners behind a network: how many questions are open, and what is left when they fail or are stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from encoders.adaptation.watch import Watch
from evaluation.answers.answered import Answered
from evaluation.learners.vote import Vote
from evaluation.plan import EvaluationPlan
from evaluation.running.evaluation import Evaluation, evaluate
from evaluation.running.learners import Learners
from invariantselect.errors import LearnerBudgetSpentError, LearnerRequestRefusedError, LearnerUnreachableError
from tests.evaluation.running.learners import Distant
from tests.evaluation.running.shifted_pool import shifted

PLAN = EvaluationPlan(shots=(0, 3), strategies=("random", "topk_nearest"))
QUESTIONS = 36 * 3


def run(folder: Path, learner: Distant, *, concurrency: int = 4, watch: Watch | None = None) -> Evaluation:
    more = {} if watch is None else {"watch": watch}
    return evaluate(shifted(), PLAN, Learners((Vote(),), (learner,), concurrency), folder=folder, **more)


def kept(folder: Path) -> list[str]:
    """Journal lines of the distant learner."""
    return [line for line in (folder / "answers.jsonl").read_text().splitlines() if '"learner": "distant"' in line]


def by_key(answers: tuple[Answered, ...]) -> dict[object, tuple[str | None, float]]:
    return {each.key: (each.answer, each.confidence) for each in answers}


@pytest.mark.parametrize("concurrency", [1, 5])
def test_so_many_questions_are_open_and_no_more(tmp_path: Path, concurrency: int) -> None:
    learner = Distant()
    done = run(tmp_path, learner, concurrency=concurrency)
    assert learner.most_open == concurrency
    assert learner.closed
    assert len(learner.asked) == QUESTIONS
    told = [each for each in done.answers if each.learner == "distant"]
    assert len(told) == QUESTIONS
    assert {each.raw for each in told} == {f"word {number}" for number in range(1, QUESTIONS + 1)}
    voted = {each.key._replace(learner="distant"): each.answer for each in done.answers if each.learner == "vote"}
    assert {each.key: each.answer for each in told} == voted


@pytest.mark.parametrize("error", [LearnerBudgetSpentError("spent"), LearnerUnreachableError("gone")])
def test_when_one_fails_those_that_are_open_are_kept_and_a_rerun_goes_on(tmp_path: Path, error: Exception) -> None:
    def fail(number: int) -> None:
        if number == 30:
            raise error

    learner = Distant(fail)
    with pytest.raises(type(error)) as raised:
        run(tmp_path, learner)
    assert raised.value.hint  # type: ignore[attr-defined]
    assert learner.closed
    assert len(kept(tmp_path)) == len(learner.asked) - 1  # all but the one that failed
    assert len(learner.asked) <= 33
    again = Distant()
    done = run(tmp_path, again)
    assert len(again.asked) == QUESTIONS - len(kept(tmp_path)[: len(learner.asked) - 1])
    assert by_key(done.answers) == by_key(run(tmp_path / "undisturbed", Distant()).answers)


@pytest.mark.parametrize("concurrency", [1, 5])
@pytest.mark.parametrize("refused", [{7, 8, 30}, {QUESTIONS}, {1}], ids=["some", "last", "first"])
def test_a_question_that_is_refused_while_others_are_answered_has_no_answer(
    tmp_path: Path, concurrency: int, refused: set[int]
) -> None:
    def refuse(number: int) -> None:
        if number in refused:
            raise LearnerRequestRefusedError(f"too long, {number}", of_question=True)

    learner = Distant(refuse)
    done = run(tmp_path, learner, concurrency=concurrency)
    told = [each for each in done.answers if each.learner == "distant"]
    assert len(learner.asked) == len(told) == QUESTIONS
    silent = {each.raw for each in told if each.answer is None and each.raw and "refused" in each.raw}
    assert silent == {f"[refused by the endpoint] too long, {number}" for number in refused}
    assert any(f"refused {len(refused)} question" in note for note in done.notes)
    again = Distant()
    assert run(tmp_path, again).answers == done.answers
    assert again.asked == [], "what was refused isn't asked again"


def test_an_endpoint_that_answers_nothing_refuses_no_question_in_particular(tmp_path: Path) -> None:
    def refuse(_: int) -> None:
        raise LearnerRequestRefusedError("no images, please", of_question=True)

    with pytest.raises(LearnerRequestRefusedError, match="no images"):
        run(tmp_path, learner := Distant(refuse))
    assert len(learner.asked) < 30
    assert kept(tmp_path) == []
    assert len([each for each in run(tmp_path, Distant()).answers if each.learner == "distant"]) == QUESTIONS


def test_an_endpoint_that_refuses_everything_from_some_moment_on_is_not_believed(tmp_path: Path) -> None:
    def refuse(number: int) -> None:
        if number > 30:  # to the end of the first of three folds, and on
            raise LearnerRequestRefusedError("the account is closed", of_question=True)

    with pytest.raises(LearnerRequestRefusedError, match="closed"):
        run(tmp_path, Distant(refuse), concurrency=1)
    assert len(kept(tmp_path)) == 30
    assert not any("refused by" in line for line in kept(tmp_path))


def test_a_refusal_that_is_not_about_the_question_ends_it_at_once(tmp_path: Path) -> None:
    def refuse(number: int) -> None:
        if number == 20:
            raise LearnerRequestRefusedError("moved")

    with pytest.raises(LearnerRequestRefusedError, match="moved"):
        run(tmp_path, Distant(refuse), concurrency=1)
    assert len(kept(tmp_path)) == 19


def test_as_many_may_be_refused_in_a_row_as_are_asked_beside_each_other(tmp_path: Path) -> None:
    def refuse(number: int) -> None:
        if number % 25:
            raise LearnerRequestRefusedError("one image only", of_question=True)

    done = run(tmp_path, Distant(refuse), concurrency=8)  # of three rows
    told = [each.raw or "" for each in done.answers if each.learner == "distant"]
    assert len([raw for raw in told if raw.startswith("word")]) == QUESTIONS // 25


def test_a_stop_does_not_wait_for_answers(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    never = threading.Event()
    asked: list[int] = []

    class Silent(Distant):
        async def answer(self, question):  # type: ignore[no-untyped-def]
            asked.append(1)
            if len(asked) <= 10:
                return await super().answer(question)
            never.set()
            await asyncio.Event().wait()

    def check() -> None:
        if never.is_set():
            raise Stopped

    learner = Silent()
    with pytest.raises(Stopped):
        run(tmp_path, learner, watch=Watch(check=check))
    assert learner.closed
    assert len(kept(tmp_path)) == 10


def test_ctrl_c_keeps_what_was_answered(tmp_path: Path) -> None:
    def interrupt(number: int) -> None:
        if number == 20:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start the tests deaf to it
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, Distant(interrupt))
    finally:
        signal.signal(signal.SIGINT, before)
    assert 15 <= len(kept(tmp_path)) <= 24
    again = Distant()
    run(tmp_path, again)
    assert len(again.asked) == QUESTIONS - (len(kept(tmp_path)) - len(again.asked))
    assert set(Counter(kept(tmp_path)).values()) == {1}


def test_a_defect_is_not_taken_for_an_answer_that_failed(tmp_path: Path) -> None:
    def break_down(number: int) -> None:
        if number == 5:
            raise ZeroDivisionError

    learner = Distant(break_down)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, learner)
    assert len(learner.asked) <= 10
