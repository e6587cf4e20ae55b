"""One fold after another: adapt, bar, choose, answer; what an earlier run did is not done again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from encoders.adaptation.watch import Watch
from encoders.tower import Tower
from evaluation.answers.journal import Journal
from evaluation.leakage import barred_of, unrelated
from evaluation.learners.learner import AsyncLearner
from evaluation.plan import ADAPTED, CENTRED, NONE, EvaluationPlan
from evaluation.protocols.fold import Fold
from evaluation.running.adapted_fold import AdaptedFold, adapted_fold
from evaluation.running.answering import answer_all
from evaluation.running.asking import ask_all
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.fold_draw import digest_of
from evaluation.running.keys import keys_of
from evaluation.running.learners import Learners
from evaluation.running.progress import AnswerCount
from evaluation.running.questions import FoldQuestions, Spaces
from evaluation.running.refused import Refusals
from evaluation.running.thumbnails import thumbnails_of

__all__ = ["FoldByFold"]

_ADAPTED = "folds"


@dataclass(frozen=True, eq=False)
class FoldByFold:
    """A run through folds.

    Attributes:
        pool: What is evaluated.
        plan: How.
        learners: Who answers.
        folder: Where what takes long is kept.
        base: The encoder's trunk; None where none is trained.
        watch: Told how far it is, and asked whether to go on.
        journal: Where the answers are, and go.
        count: Of the answers.
    """

    pool: EvaluatedPool
    plan: EvaluationPlan
    learners: Learners
    folder: Path
    base: Tower | None
    watch: Watch
    journal: Journal
    count: AnswerCount

    def through(self, folds: Sequence[Fold]) -> list[AdaptedFold | None]:
        """Answer every question of every fold; what each was adapted to, None where the plan adapts nothing.

        Raises:
            InvariantSelectError: As `evaluation.running.evaluation.evaluate`.
        """
        thumbnails = thumbnails_of(self.pool, self.folder, self.watch)
        # One loop for all folds, for a client keeps its connections; Ctrl-C ends it while it asks.
        with asyncio.Runner() as loop:
            refusals = {learner.name: self._refusals(learner) for learner in self.learners.asked}
            try:
                adapted = [
                    self._answered(fold, f"fold {number} of {len(folds)}", thumbnails, loop, refusals)
                    for number, fold in enumerate(folds, 1)
                ]
                for each in refusals.values():
                    for _ in range(each.end()):
                        self.count.one_more()
                return adapted
            finally:
                for learner in self.learners.asked:
                    loop.run(learner.aclose())

    def _refusals(self, learner: AsyncLearner) -> Refusals:
        return Refusals(learner.name, self.journal, len(self.plan.rows) * self.learners.concurrency)

    def _answered(
        self,
        fold: Fold,
        which: str,
        thumbnails: Float32[np.ndarray, "images pixels"],
        loop: asyncio.Runner,
        refusals: Mapping[str, Refusals],
    ) -> AdaptedFold | None:
        self.watch.check()
        adapted = self._adapted(fold, which)
        self.count.tell()
        if not all(key in self.journal for key in keys_of(self.pool, self.plan, fold, self.learners)):
            self._answer(self._questions(fold, self._spaces(fold, adapted), thumbnails), loop, refusals)
        return adapted

    def _questions(self, fold: Fold, spaces: Spaces, thumbnails: Float32[np.ndarray, "images pixels"]) -> FoldQuestions:
        examples, check = self.pool.examples, self.watch.check
        barred = barred_of(
            fold,
            groups=examples.group_names,
            sha256=self.pool.sha256,
            vectors=examples.vectors,
            thumbnails=thumbnails,
            check=check,
        )
        return FoldQuestions(self.pool, fold, self.plan, barred, spaces, check=check)

    def _answer(self, questions: FoldQuestions, loop: asyncio.Runner, refusals: Mapping[str, Refusals]) -> None:
        told, check, most = self.count.one_more, self.watch.check, self.learners.concurrency
        answer_all(questions, self.learners.computing, self.journal, told=told, check=check)
        for learner in self.learners.asked:
            open_ones = refusals[learner.name]
            loop.run(ask_all(questions, learner, self.journal, open_ones, concurrency=most, told=told, check=check))

    def _adapted(self, fold: Fold, which: str) -> AdaptedFold | None:
        """Neither groups nor files of queries are learnt from."""
        if not self.plan.adapts:
            return None
        learnt = unrelated(fold, groups=self.pool.examples.group_names, sha256=self.pool.sha256)

        def tell(phase: str, done: int, total: int, figures: dict[str, float]) -> None:
            self.watch.progress(f"{which}: {phase}", done, total, figures)

        watch, plan = Watch(tell, self.watch.check), self.plan.adaptation
        folder = self.folder / _ADAPTED / digest_of(fold, learnt, {"pool": self.pool.digest(), **self.plan.decisive()})
        return adapted_fold(self.pool, fold, learnt, plan, base=self.base, folder=folder, watch=watch)

    def _spaces(self, fold: Fold, adapted: AdaptedFold | None) -> Spaces:
        frozen = self.pool.examples.vectors
        spaces = dict.fromkeys((NONE, *self.plan.choosing), frozen)
        if adapted is not None:
            spaces[ADAPTED] = adapted.vectors(self.pool, fold)
            if self.plan.centre_queries:
                spaces[CENTRED] = adapted.vectors(self.pool, fold, centred=True)
        return spaces
