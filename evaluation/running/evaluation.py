"""An evaluation: fold by fold an encoder is adapted, demonstrations are chosen, and learners answer.

Everything is kept in one folder: thumbnails, what came of each adaptation, each answer. Whoever is killed or stopped
finds it there and goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from encoders.adaptation.watch import SILENT, Watch
from encoders.tower import Tower
from evaluation.answers.answered import Answered
from evaluation.answers.journal import Journal
from evaluation.plan import EvaluationPlan
from evaluation.protocols.fold import Fold
from evaluation.report import FoldSize
from evaluation.running.adapted_fold import AdaptedFold
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.fold_by_fold import FoldByFold
from evaluation.running.fold_draw import folds_of_plan
from evaluation.running.keys import keys_of
from evaluation.running.learners import Learners
from evaluation.running.notes import notes_of, notes_of_refusals
from evaluation.running.progress import AnswerCount

__all__ = ["JOURNAL", "Evaluation", "evaluate"]

JOURNAL = "answers.jsonl"
"""Name of the file, in an evaluation's folder, that holds the answers while they come."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came of it.

    Attributes:
        answers: All answers of the plan, by fold, query, row and learner.
        folds: How large each fold was.
        notes: What a reader must know, a sentence each.
        spaces: Each fold, and what came of adapting to it; None where nothing was adapted.
    """

    answers: tuple[Answered, ...]
    folds: tuple[FoldSize, ...]
    notes: tuple[str, ...]
    spaces: tuple[tuple[Fold, AdaptedFold | None], ...]


def evaluate(
    pool: EvaluatedPool,
    plan: EvaluationPlan,
    learners: Learners,
    *,
    folder: Path,
    base: Tower | None = None,
    watch: Watch = SILENT,
) -> Evaluation:
    """Evaluate, or go on where an earlier run stopped. One process at a time.

    Args:
        pool: What is evaluated.
        plan: How.
        learners: Who answers.
        folder: Where everything is kept; made where there is none. A run with more learners, targets or strategies
            asks what is new.
        base: The encoder's trunk, where the plan trains it.
        watch: Told how far it is, and asked whether to go on.

    Raises:
        AnswersInvalidError: The folder is that of another evaluation.
        PoolNotDivisibleError: The pool can't be divided so.
        InvalidRequestError: A fold's demonstrations are too few to adapt an encoder to.
        InvariantSelectError: A learner can't answer; the answers so far are kept.
    """
    folds = folds_of_plan(pool, plan)
    folder.mkdir(parents=True, exist_ok=True)
    with Journal(folder / JOURNAL, {"pool": pool.digest(), **plan.decisive()}) as journal:
        keys = [key for fold in folds for key in keys_of(pool, plan, fold, learners)]
        count = AnswerCount(watch, sum(key in journal for key in keys), len(keys))
        adapted = FoldByFold(pool, plan, learners, folder, base, watch, journal, count).through(folds)
        answers = {answered.key: answered for answered in journal.answers}
    asked_for = tuple(answers[key] for key in keys)
    return Evaluation(
        asked_for,
        tuple(_size(pool, fold) for fold in folds),
        (*notes_of(pool, plan, folds, adapted), *notes_of_refusals(asked_for)),
        tuple(zip(folds, adapted, strict=True)),
    )


def _size(pool: EvaluatedPool, fold: Fold) -> FoldSize:
    unanswerable = fold.unanswerable(pool.examples.label_names)
    return FoldSize(fold.name, len(fold.pool), len(fold.queries), len(fold.left_out), unanswerable)
