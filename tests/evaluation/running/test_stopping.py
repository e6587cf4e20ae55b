"""An evaluation of a large pool looks every few queries at whether to go on, long before it has an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders.adaptation.watch import Watch
from evaluation import leakage
from evaluation.leakage import barred_of
from evaluation.learners.vote import Vote
from evaluation.plan import NONE, EvaluationPlan
from evaluation.running import questions
from evaluation.running.evaluation import evaluate
from evaluation.running.fold_draw import folds_of_plan
from evaluation.running.learners import Learners
from evaluation.running.questions import FoldQuestions
from tests.evaluation.running.shifted_pool import shifted

PLAN = EvaluationPlan(shots=(3,), strategies=("random", "topk_nearest"))
QUERIES = 12  # of each fold


class Stopped(Exception):
    pass


class Looks:
    """Counts, and stops at the n-th."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.count, self._stop_at = 0, stop_at

    def __call__(self) -> None:
        self.count += 1
        if self.count == self._stop_at:
            raise Stopped


def selected(looks: Looks) -> FoldQuestions:
    pool = shifted()
    fold = folds_of_plan(pool, PLAN)[0]
    examples = pool.examples
    barred = barred_of(fold, groups=examples.group_names, sha256=pool.sha256, vectors=examples.vectors)
    spaces = dict.fromkeys((NONE, *PLAN.choosing), examples.vectors)
    return FoldQuestions(pool, fold, PLAN, barred, spaces, check=looks)


def test_selections_look_before_each_block_and_each_search(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, one_by_one = Looks(), Looks()
    expected = selected(at_once)
    monkeypatch.setattr(questions, "_SCORES_AT_ONCE", 1)  # as of a pool of millions: one query a block
    found = selected(one_by_one)
    assert at_once.count == 1 + 1 + 1  # a block of each strategy, and the search of the nearest
    assert one_by_one.count == QUERIES * 3
    for number, row in found.all():
        assert found.asked(number, row).about == expected.asked(number, row).about


@pytest.mark.parametrize("nth", [5, QUERIES, 2 * QUERIES, 4 * QUERIES])
def test_a_stop_amid_barring_or_choosing_is_obeyed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """Neither has an answer yet: a look for each query of the fold while barring, three while choosing."""
    monkeypatch.setattr(leakage, "_SCORES_AT_ONCE", 1)
    monkeypatch.setattr(questions, "_SCORES_AT_ONCE", 1)
    looks = Looks(nth)
    with pytest.raises(Stopped):
        evaluate(shifted(), PLAN, Learners((Vote(),)), folder=tmp_path, watch=Watch(check=looks))
    assert looks.count == nth
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 1
