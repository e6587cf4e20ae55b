"""A process that evaluates, and kills itself at the n-th call of something on the way.

Each line of its input is an order ``{"folder": …, "at": "before adapt", "nth": 1}``, which a child of its own carries
out, so that many deaths cost one start. The report goes to ``FOLDER/out``; each question that a learner is asked is
noted in ``FOLDER/asked`` first.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from evaluation.answers.journal import Journal
from evaluation.answers.table import write_answers
from evaluation.learners.learner import Answer, Question
from evaluation.plan import EvaluationPlan
from evaluation.running import adapted_fold, kept_arrays
from evaluation.running.evaluation import evaluate
from evaluation.running.learners import Learners
from tests.dying import die_at
from tests.evaluation.running.learners import Counted, Distant
from tests.evaluation.running.shifted_pool import shifted

CALLS: dict[str, tuple[Any, str]] = {
    "keep": (kept_arrays, "write_durably"),
    "adapt": (adapted_fold, "adapt"),
    "append": (Journal, "append"),
}
PLAN = EvaluationPlan(shots=(0, 2), strategies=("random", "invariant_select"), queries=4)


class Noting(Counted):
    """Writes down what it is asked."""

    def __init__(self, asked: Path) -> None:
        super().__init__()
        self._asked = asked

    def answer(self, question: Question) -> Answer:
        with self._asked.open("a") as notes:
            notes.write(f"{self.name} {question.query} {question.ids}\n")
        return super().answer(question)


class DistantlyNoting(Distant):
    """Likewise, behind a network."""

    def __init__(self, asked: Path) -> None:
        super().__init__()
        self._notes = asked

    async def answer(self, question: Question) -> Answer:
        with self._notes.open("a") as notes:
            notes.write(f"{self.name} {question.query} {question.ids}\n")
        answered = await super().answer(question)
        return Answer(answered.label, answered.confidence, raw=question.query)


def carry_out(order: dict[str, Any]) -> None:
    folder = Path(order["folder"])
    if "at" in order:
        die_at(CALLS, order["at"], order["nth"])
    learners = Learners((Noting(folder / "asked"),), (DistantlyNoting(folder / "asked"),), concurrency=1)
    done = evaluate(shifted(), PLAN, learners, folder=folder / "out")
    write_answers(folder / "out" / "answers.csv", done.answers)


def main() -> None:
    torch.set_num_threads(1)  # no thread may be running when it forks
    with TemporaryDirectory() as folder:  # what is imported on the way is imported once, for all children
        carry_out({"folder": folder})
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                carry_out(json.loads(line))
            except BaseException:  # noqa: BLE001 -- a child must not go on in the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(1, json.dumps(os.waitstatus_to_exitcode(status)).encode() + b"\n")


if __name__ == "__main__":
    main()
